/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: Hugging Face directories with the optimiser's moments and the state of the run
 * beside the model. A checkpoint is written under another name and renamed when it is whole. */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "train/train.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

/* ---- which checkpoints a run directory has ---- */

/* The step of "checkpoint-STEP", or -1. */
static int64_t checkpoint_step(const char *name)
{
    const char *prefix = "checkpoint-";
    if (strncmp(name, prefix, strlen(prefix)) != 0) return -1;
    const char *digits = name + strlen(prefix);
    if (*digits == 0 || strspn(digits, "0123456789") != strlen(digits)) return -1;
    return strtoll(digits, NULL, 10);
}

/* Steps of all checkpoints, ascending; *steps is malloc'd. A missing directory has none. */
static enum clb_status list_checkpoints(const char *directory, int64_t **steps, int *count)
{
    *steps = NULL;
    *count = 0;
    DIR *stream = opendir(directory);
    if (!stream)
        return errno == ENOENT
                   ? CLB_OK
                   : clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", directory, strerror(errno));
    enum clb_status status = CLB_OK;
    for (struct dirent *entry; status == CLB_OK && (entry = readdir(stream));) {
        int64_t step = checkpoint_step(entry->d_name);
        if (step < 0) continue;
        int64_t *more = realloc(*steps, ((size_t)*count + 1) * sizeof **steps);
        if (!more) {
            status = out_of_memory(directory);
            break;
        }
        *steps = more;
        int at = (*count)++;
        for (; at > 0 && more[at - 1] > step; at--) more[at] = more[at - 1];
        more[at] = step;
    }
    closedir(stream);
    return status;
}

static char *checkpoint_path(const char *directory, int64_t step)
{
    return base_format("%s/checkpoint-%" PRId64, directory, step);
}

static enum clb_status remove_inside(const char *directory, const char *name)
{
    char *path = base_format("%s/%s", directory, name);
    enum clb_status status = path ? base_remove_tree(path) : out_of_memory(directory);
    free(path);
    return status;
}

/* ---- what the output directory is used for ---- */

static bool holds_run(const char *directory, int checkpoints)
{
    char *metrics = base_format("%s/metrics.jsonl", directory);
    char *model = base_format("%s/model.safetensors", directory);
    bool holds =
        checkpoints > 0 || (metrics && base_exists(metrics)) || (model && base_exists(model));
    free(metrics);
    free(model);
    return holds;
}

static enum clb_status remove_run(const char *directory, const int64_t *steps, int count)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count && status == CLB_OK; i++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-%" PRId64, steps[i]);
        status = remove_inside(directory, name);
    }
    if (status == CLB_OK) status = remove_inside(directory, "metrics.jsonl");
    if (status == CLB_OK) status = remove_inside(directory, "model.safetensors");
    return status;
}

enum clb_status train_prepare_directory(const struct clb_training_options *options,
                                        char **checkpoint)
{
    const char *directory = options->output_dir, *resume = options->resume_from_checkpoint;
    int64_t *steps = NULL;
    int count = 0;
    enum clb_status status;
    *checkpoint = NULL;
    CLB_TRY(list_checkpoints(directory, &steps, &count));
    if (resume && strcmp(resume, "auto") != 0) {
        *checkpoint = strdup(resume);
        if (!*checkpoint) status = out_of_memory(directory);
    } else if (resume && count > 0) {
        *checkpoint = checkpoint_path(directory, steps[count - 1]);
        if (!*checkpoint) status = out_of_memory(directory);
    } else if (!resume && holds_run(directory, count)) {
        if (options->overwrite)
            CLB_TRY(options->dry_run ? CLB_OK : remove_run(directory, steps, count));
        else
            status = clb_fail(CLB_ERROR_ARGUMENT,
                              "%s: holds another run; go on with it by --resume-from-checkpoint "
                              "auto, replace it by --overwrite, or choose another --output-dir",
                              directory);
    }
    if (status == CLB_OK && !options->dry_run) CLB_TRY(base_make_directory(directory));
cleanup:
    free(steps);
    return status;
}

/* ---- trainer_state.json ---- */

/* What a resumed run must have in common with the first, or it would be another run. */
static json_t *stream_options(const struct train_run *run)
{
    const struct clb_training_options *o = &run->options;
    char corpus[32], seed[32];
    snprintf(corpus, sizeof corpus, "%016" PRIx64, clb_corpus_hash(run->corpus));
    snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:b}", "corpus", corpus, "seed", seed,
                     "per_device_train_batch_size", o->per_device_train_batch_size,
                     "gradient_accumulation_steps", o->gradient_accumulation_steps,
                     "max_seq_length", o->max_seq_length, "mlm_probability",
                     (double)o->mlm_probability, "short_seq_probability",
                     (double)o->short_seq_probability, "whole_word_mask", o->whole_word_mask);
}

static enum clb_status state_json(const struct train_run *run, json_t **state)
{
    struct clb_losses sums;
    enum clb_status status = clb_model_read_losses(run->model, &sums);
    if (status != CLB_OK) return status;
    *state = json_pack("{s:I, s:I, s:i, s:o, s:{s:I, s:I, s:I, s:f, s:f, s:f, s:f}}", "global_step",
                       (json_int_t)run->step, "max_steps", (json_int_t)run->options.max_steps,
                       "optim", (int)run->options.optim, "stream", stream_options(run), "interval",
                       "tokens", (json_int_t)run->interval.tokens, "masked",
                       (json_int_t)run->interval.masked, "pairs", (json_int_t)run->interval.pairs,
                       "mlm_loss", sums.mlm_loss, "mlm_correct", sums.mlm_correct, "nsp_loss",
                       sums.nsp_loss, "nsp_correct", sums.nsp_correct);
    return *state ? CLB_OK : out_of_memory("trainer_state.json");
}

/* Files of a model directory that are copied as they are. */
static enum clb_status save_model(const struct train_run *run, const char *directory)
{
    enum clb_status status = clb_model_save(run->model, directory);
    if (status == CLB_OK) status = clb_tokenizer_save(clb_corpus_tokenizer(run->corpus), directory);
    return status;
}

static enum clb_status write_checkpoint(const struct train_run *run, const char *directory)
{
    const struct train_optimizer *o = run->optimizer;
    const struct clb_tensor_list moments[] = {{"exp_avg.", o->first, o->parameter_count},
                                              {"exp_avg_sq.", o->second, o->parameter_count}};
    char *optimizer = base_format("%s/optimizer.safetensors", directory);
    char *state_path = base_format("%s/trainer_state.json", directory);
    json_t *state = NULL;
    enum clb_status status;
    if (!optimizer || !state_path) {
        status = out_of_memory(directory);
        goto cleanup;
    }
    CLB_TRY(base_make_directory(directory));
    CLB_TRY(save_model(run, directory));
    CLB_TRY(clb_tensors_save(optimizer, moments, 2));
    CLB_TRY(state_json(run, &state));
    CLB_TRY(base_json_write(state_path, state));
cleanup:
    json_decref(state);
    free(optimizer);
    free(state_path);
    return status;
}

static enum clb_status remove_old(const struct train_run *run)
{
    const int limit = run->options.save_total_limit;
    int64_t *steps = NULL;
    int count = 0;
    enum clb_status status;
    CLB_TRY(list_checkpoints(run->options.output_dir, &steps, &count));
    for (int i = 0; limit > 0 && i < count - limit; i++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-%" PRId64, steps[i]);
        CLB_TRY(remove_inside(run->options.output_dir, name));
    }
cleanup:
    free(steps);
    return status;
}

enum clb_status train_save(struct train_run *run)
{
    char *path = checkpoint_path(run->options.output_dir, run->step);
    char *temporary = path ? base_format("%s.tmp-%ld", path, (long)getpid()) : NULL;
    enum clb_status status;
    if (!temporary) {
        status = out_of_memory(run->options.output_dir);
        goto cleanup;
    }
    status = write_checkpoint(run, temporary);
    if (status == CLB_OK)
        status = base_remove_tree(path); /* one of the same step, before a resume */
    if (status == CLB_OK && rename(temporary, path) != 0)
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be renamed: %s", path, strerror(errno));
    if (status != CLB_OK) {
        char message[600];
        snprintf(message, sizeof message, "%s", clb_error_message());
        base_remove_tree(temporary);
        status = clb_fail(status, "%s", message);
        goto cleanup;
    }
    run->saved = run->step;
    base_log("step %" PRId64 ": saved %s", run->step, path);
    CLB_TRY(remove_old(run));
cleanup:
    free(temporary);
    free(path);
    return status;
}

enum clb_status train_save_final(struct train_run *run)
{
    enum clb_status status = save_model(run, run->options.output_dir);
    if (status == CLB_OK) base_log("saved the model: %s", run->options.output_dir);
    return status;
}

/* ---- resuming ---- */

static enum clb_status same_stream(const struct train_run *run, const json_t *state,
                                   const char *path)
{
    json_t *now = stream_options(run), *then = json_object_get(state, "stream");
    enum clb_status status = now ? CLB_OK : out_of_memory(path);
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value)
    {
        json_t *old = json_object_get(then, key);
        if (old && json_equal(old, value)) continue;
        char *old_text = old ? json_dumps(old, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
        char *new_text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        status = clb_fail(CLB_ERROR_ARGUMENT,
                          "%s: the run was begun with %s %s, this one has %s: use the same options "
                          "and corpus, or start from its model by --model",
                          path, key, old_text ? old_text : "?", new_text ? new_text : "?");
        free(old_text);
        free(new_text);
        break;
    }
    json_decref(now);
    return status;
}

static enum clb_status read_state(struct train_run *run, const char *path)
{
    json_t *state = NULL;
    struct clb_losses sums = {0};
    int64_t max_steps = run->options.max_steps, optim = -1;
    enum clb_status status;
    CLB_TRY(base_json_read(path, "state of the run", &state));
    const json_t *interval = json_object_get(state, "interval");
    run->step = -1;
    CLB_TRY(base_json_get_int(state, path, "global_step", &run->step));
    CLB_TRY(base_json_get_int(state, path, "max_steps", &max_steps));
    CLB_TRY(base_json_get_int(state, path, "optim", &optim));
    if (run->step < 0 || optim < 0 || !interval) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: is not the state of a run", path);
        goto cleanup;
    }
    CLB_TRY(same_stream(run, state, path));
    if (optim != (int64_t)run->options.optim) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "%s: the run was begun with another --optim", path);
        goto cleanup;
    }
    if (max_steps != run->options.max_steps)
        base_warn("the run was planned for %" PRId64 " steps, now %" PRId64
                  ": the learning rate follows the new plan",
                  max_steps, run->options.max_steps);
    CLB_TRY(base_json_get_int(interval, path, "tokens", &run->interval.tokens));
    CLB_TRY(base_json_get_int(interval, path, "masked", &run->interval.masked));
    CLB_TRY(base_json_get_int(interval, path, "pairs", &run->interval.pairs));
    CLB_TRY(base_json_get_double(interval, path, "mlm_loss", &sums.mlm_loss));
    CLB_TRY(base_json_get_double(interval, path, "mlm_correct", &sums.mlm_correct));
    CLB_TRY(base_json_get_double(interval, path, "nsp_loss", &sums.nsp_loss));
    CLB_TRY(base_json_get_double(interval, path, "nsp_correct", &sums.nsp_correct));
    CLB_TRY(clb_model_write_losses(run->model, &sums));
cleanup:
    json_decref(state);
    return status;
}

enum clb_status train_restore(struct train_run *run, const char *checkpoint)
{
    const struct train_optimizer *o = run->optimizer;
    const struct clb_tensor_list moments[] = {{"exp_avg.", o->first, o->parameter_count},
                                              {"exp_avg_sq.", o->second, o->parameter_count}};
    char *optimizer = base_format("%s/optimizer.safetensors", checkpoint);
    char *state = base_format("%s/trainer_state.json", checkpoint);
    enum clb_status status;
    if (!optimizer || !state) {
        status = out_of_memory(checkpoint);
        goto cleanup;
    }
    CLB_TRY(read_state(run, state));
    CLB_TRY(clb_model_load(run->model, checkpoint, run->options.seed));
    CLB_TRY(clb_tensors_load(optimizer, moments, 2));
    run->checked = run->saved = run->step;
    base_log("going on from %s at step %" PRId64, checkpoint, run->step);
cleanup:
    free(optimizer);
    free(state);
    return status;
}
