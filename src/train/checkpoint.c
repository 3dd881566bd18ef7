/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: Hugging Face directories with the optimiser's moments, the options and the state of
 * the run beside the model. */
#include "base/directory.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/staging.h"
#include "model/safetensors.h"
#include "tokenizer/tokenizer.h"
#include "train/run.h"
#include "train/run_directory.h"
#include "train/training_args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* run_state.json's. 0.1.0 wrote what is format 1 here into trainer_state.json. */
enum { STATE_FORMAT = 3 };
#define STATE_FILE "run_state.json"
#define STATE_FILE_1 "trainer_state.json"

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

/* ---- writing ---- */

static enum clb_status write_json(const char *directory, const char *name, const json_t *json)
{
    char *path = base_format("%s/%s", directory, name);
    enum clb_status status = path && json ? base_json_write(path, json) : out_of_memory(directory);
    free(path);
    return status;
}

static json_t *losses_json(const struct clb_losses *losses)
{
    json_t *json = json_object();
    for (int i = 0; json && i < losses->count; i++) {
        const struct clb_loss *loss = &losses->loss[i];
        json_t *one = json_pack("{s:f, s:f, s:I}", "sum", loss->sum, "correct", loss->correct,
                                "count", (json_int_t)loss->count);
        if (one && loss->weight != (double)loss->count &&
            json_object_set_new(one, "weight", json_real(loss->weight)) != 0) {
            json_decref(one);
            one = NULL;
        }
        if (json_object_set_new(json, loss->name, one) == 0) continue;
        json_decref(json);
        json = NULL;
    }
    return json;
}

/* NULL where there is none. */
static json_t *loss_scale_json(const struct train_loss_scale *s)
{
    return s->dynamic ? json_pack("{s:f, s:i}", "scale", (double)s->scale, "good_steps",
                                  (int)s->good_steps)
                      : NULL;
}

/* NULL where no evaluation decides. */
static json_t *best_json(const struct train_best *best)
{
    if (!best->known) return NULL;
    return json_pack("{s:I, s:I, s:f, s:i}", "step", (json_int_t)best->step, "seen",
                     (json_int_t)best->seen, "value", best->value, "waited", (int)best->waited);
}

static const char *const stream_names[] = {
    [CLB_STREAMS_BY_NAME] = "by name",
    [CLB_STREAMS_BY_NUMBER] = "by number",
};

static enum clb_status write_state(const struct train_run *run, const char *directory)
{
    struct clb_losses losses;
    char *products = NULL;
    json_t *state = NULL;
    enum clb_status status;
    CLB_TRY(clb_model_read_losses(run->model, &losses));
    CLB_TRY(clb_device_products(run->device, &products));
    state =
        json_pack("{s:i, s:s, s:I, s:s, s:s, s:{s:I, s:I, s:o}, s:o*, s:o*}", "format",
                  STATE_FORMAT, "clbert", clb_version(), "global_step", (json_int_t)run->step,
                  "streams", stream_names[clb_model_streams(run->model)], "products", products,
                  "interval", "tokens", (json_int_t)run->interval.tokens, "sequences",
                  (json_int_t)run->interval.sequences, "losses", losses_json(&losses), "loss_scale",
                  loss_scale_json(&run->optimizer->loss_scale), "best", best_json(&run->best));
    status = write_json(directory, STATE_FILE, state);
cleanup:
    json_decref(state);
    free(products);
    return status;
}

/* Into a directory that will be, or whose files will go to, `destination`. */
static enum clb_status save_model(const struct train_run *run, const char *directory,
                                  const char *destination)
{
    enum clb_status status;
    CLB_TRY(clb_model_save(run->model, directory));
    CLB_TRY(tokenizer_write(run->tokenizer, directory, destination));
    CLB_TRY(write_json(directory, TRAIN_ARGS_FILE, run->args));
cleanup:
    return status;
}

static enum clb_status write_checkpoint(const struct train_run *run, const char *directory)
{
    const struct train_optimizer *o = run->optimizer;
    const struct clb_tensor_list moments[] = {{"exp_avg.", o->first, o->parameter_count},
                                              {"exp_avg_sq.", o->second, o->parameter_count}};
    char *optimizer = base_format("%s/optimizer.safetensors", directory);
    enum clb_status status = optimizer ? CLB_OK : out_of_memory(directory);
    if (status != CLB_OK) return status;
    CLB_TRY(save_model(run, directory, directory));
    CLB_TRY(clb_tensors_save(optimizer, moments, 2));
    CLB_TRY(write_state(run, directory));
cleanup:
    free(optimizer);
    return status;
}

enum clb_status train_save(struct train_run *run)
{
    struct base_directory *directory = NULL;
    char *path = train_checkpoint_path(run->options->output_dir, run->step);
    enum clb_status status = path ? CLB_OK : out_of_memory(run->options->output_dir);
    if (status != CLB_OK) return status;
    CLB_TRY(base_directory_create(path, &directory));
    CLB_TRY(write_checkpoint(run, base_directory_path(directory)));
    status = base_directory_commit(directory);
    directory = NULL;
    if (status != CLB_OK) goto cleanup;
    run->saved = run->step;
    base_log("step %" PRId64 ": saved %s", run->step, path);
    CLB_TRY(train_directory_limit(run->options->output_dir, run->options->save_total_limit,
                                  run->best.known ? run->best.step : -1));
cleanup:
    base_directory_abandon(directory);
    free(path);
    return status;
}

enum clb_status train_save_final(struct train_run *run)
{
    struct base_staging *staging;
    enum clb_status status = base_staging_create(run->options->output_dir, &staging);
    if (status != CLB_OK) return status;
    status = save_model(run, base_staging_path(staging), run->options->output_dir);
    if (status != CLB_OK) {
        base_staging_abandon(staging);
        return status;
    }
    status = base_staging_commit(staging);
    if (status == CLB_OK) base_log("saved the model: %s", run->options->output_dir);
    return status;
}

/* ---- reading ---- */

struct saved_state {
    int64_t step;
    struct train_interval interval;
    struct clb_losses losses;
    enum clb_streams streams;
    double loss_scale; /* fp16's, 0: none was kept */
    int64_t good_steps;
    struct train_best best;
    char *products; /* as clb_device_products; NULL: not known */
    json_t *args;   /* what the run was begun with */
};

static void free_state(struct saved_state *s)
{
    free(s->products);
    json_decref(s->args);
}

/* The arguments that 0.1.0 kept in its state. */
static enum clb_status former_args(const json_t *state, const char *path, json_t **args)
{
    int64_t optim = -1;
    enum clb_status status = base_json_get_int(state, path, "optim", &optim);
    if (status != CLB_OK) return status;
    *args = json_deep_copy(json_object_get(state, "stream"));
    if (!json_is_object(*args) || optim < 0 || optim > CLB_OPTIMIZER_LAMB)
        return clb_fail(CLB_ERROR_FORMAT, "%s: is not the state of a run", path);
    if (json_object_set_new(*args, "optim",
                            json_string(clb_optimizer_name((enum clb_optimizer_kind)optim))) ||
        json_object_set_new(*args, "no_nsp", json_false()) ||
        json_object_set(*args, "max_steps", json_object_get(state, "max_steps")))
        return out_of_memory(path);
    return CLB_OK;
}

static enum clb_status read_loss(const json_t *json, const char *path, const char *sum,
                                 const char *correct, const char *count, struct clb_loss *loss)
{
    enum clb_status status;
    CLB_TRY(base_json_get_double(json, path, sum, &loss->sum));
    CLB_TRY(base_json_get_double(json, path, correct, &loss->correct));
    CLB_TRY(base_json_get_int(json, path, count, &loss->count));
    if (loss->count < 0) status = clb_fail(CLB_ERROR_FORMAT, "%s: %s is negative", path, count);
    loss->weight = (double)loss->count;
cleanup:
    return status;
}

/* Before format 3: the two losses of pretraining, by name. */
static enum clb_status read_former_losses(const json_t *json, const char *path,
                                          struct clb_losses *losses)
{
    enum clb_status status;
    *losses = (struct clb_losses){2, {{.name = "mlm"}, {.name = "nsp"}}};
    CLB_TRY(read_loss(json, path, "mlm_loss", "mlm_correct", "masked", &losses->loss[0]));
    CLB_TRY(read_loss(json, path, "nsp_loss", "nsp_correct", "pairs", &losses->loss[1]));
cleanup:
    return status;
}

static enum clb_status read_losses(const json_t *json, const char *path, struct clb_losses *losses)
{
    const char *name;
    json_t *one;
    enum clb_status status = CLB_OK;
    json_object_foreach((json_t *)json, name, one)
    {
        if (losses->count == CLB_LOSSES)
            return clb_fail(CLB_ERROR_FORMAT, "%s: has over %d losses", path, CLB_LOSSES);
        struct clb_loss *loss = &losses->loss[losses->count++];
        snprintf(loss->name, sizeof loss->name, "%s", name);
        CLB_TRY(read_loss(one, path, "sum", "correct", "count", loss));
        CLB_TRY(base_json_get_double(one, path, "weight", &loss->weight)); /* where it is another */
        if (loss->weight < 0) return clb_fail(CLB_ERROR_FORMAT, "%s: weight is negative", path);
    }
cleanup:
    return status;
}

static enum clb_status read_interval(const json_t *json, const char *path, int64_t format,
                                     struct saved_state *s)
{
    struct train_interval *i = &s->interval;
    enum clb_status status;
    CLB_TRY(base_json_get_int(json, path, "tokens", &i->tokens));
    CLB_TRY(base_json_get_int(json, path, format < 3 ? "pairs" : "sequences", &i->sequences));
    i->resumed = i->tokens;
    if (format < 3)
        CLB_TRY(read_former_losses(json, path, &s->losses));
    else
        CLB_TRY(read_losses(json_object_get(json, "losses"), path, &s->losses));
    if (i->tokens < 0 || i->sequences < 0)
        status = clb_fail(CLB_ERROR_FORMAT, "%s: its interval has negative counts", path);
cleanup:
    return status;
}

/* Before format 3 all were by number. */
static enum clb_status read_streams(const json_t *state, const char *path, int64_t format,
                                    enum clb_streams *streams)
{
    const char *name = json_string_value(json_object_get(state, "streams"));
    *streams = CLB_STREAMS_BY_NUMBER;
    if (format < 3) return CLB_OK;
    for (int i = 0; i < 2; i++) {
        *streams = (enum clb_streams)i;
        if (name && strcmp(name, stream_names[i]) == 0) return CLB_OK;
    }
    return clb_fail(CLB_ERROR_FORMAT, "%s: \"streams\" should be \"by name\" or \"by number\"",
                    path);
}

static enum clb_status read_loss_scale(const json_t *json, const char *path, struct saved_state *s)
{
    enum clb_status status;
    if (!json) return CLB_OK;
    CLB_TRY(base_json_get_double(json, path, "scale", &s->loss_scale));
    CLB_TRY(base_json_get_int(json, path, "good_steps", &s->good_steps));
    if (!(s->loss_scale >= 1.0 && s->loss_scale <= (double)TRAIN_MOST_LOSS_SCALE) ||
        s->good_steps < 0 || s->good_steps > INT32_MAX)
        status = clb_fail(CLB_ERROR_FORMAT, "%s: loss_scale is out of range", path);
cleanup:
    return status;
}

static enum clb_status read_best(const json_t *json, const char *path, struct train_best *best)
{
    int64_t waited = 0;
    enum clb_status status;
    if (!json) return CLB_OK;
    CLB_TRY(base_json_get_int(json, path, "step", &best->step));
    CLB_TRY(base_json_get_int(json, path, "seen", &best->seen));
    CLB_TRY(base_json_get_double(json, path, "value", &best->value));
    CLB_TRY(base_json_get_int(json, path, "waited", &waited));
    if (best->step < 1 || best->seen < best->step || waited < 0 || waited > INT32_MAX)
        status = clb_fail(CLB_ERROR_FORMAT, "%s: best is out of range", path);
    best->waited = (int32_t)waited;
    best->known = true;
cleanup:
    return status;
}

static enum clb_status parse_state(const json_t *state, const char *path, struct saved_state *s)
{
    int64_t format = 1;
    const json_t *interval = json_object_get(state, "interval");
    enum clb_status status;
    CLB_TRY(base_json_get_int(state, path, "format", &format));
    if (format > STATE_FORMAT) {
        status =
            clb_fail(CLB_ERROR_FORMAT,
                     "%s: is of format %" PRId64 ", this clbert reads up to %d: use a newer one",
                     path, format, STATE_FORMAT);
        goto cleanup;
    }
    s->step = -1;
    CLB_TRY(base_json_get_int(state, path, "global_step", &s->step));
    if (s->step < 0 || !json_is_object(interval)) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: is not the state of a run", path);
        goto cleanup;
    }
    CLB_TRY(read_interval(interval, path, format, s));
    CLB_TRY(read_streams(state, path, format, &s->streams));
    CLB_TRY(read_loss_scale(json_object_get(state, "loss_scale"), path, s));
    CLB_TRY(read_best(json_object_get(state, "best"), path, &s->best));
    CLB_TRY(base_json_get_string(state, path, "products", &s->products));
    if (format == 1) CLB_TRY(former_args(state, path, &s->args));
cleanup:
    return status;
}

/* Reads DIR/name; *json stays NULL where there is none. */
static enum clb_status read_json(const char *directory, const char *name, const char *what,
                                 char **path, json_t **json)
{
    free(*path);
    *path = base_format("%s/%s", directory, name);
    if (!*path) return out_of_memory(directory);
    return base_exists(*path) ? base_json_read(*path, what, json) : CLB_OK;
}

static enum clb_status read_state(const char *checkpoint, struct saved_state *s)
{
    char *path = NULL;
    json_t *state = NULL;
    enum clb_status status;
    *s = (struct saved_state){0};
    CLB_TRY(read_json(checkpoint, STATE_FILE, "state of the run", &path, &state));
    if (!state) CLB_TRY(read_json(checkpoint, STATE_FILE_1, "state of the run", &path, &state));
    if (!state) {
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: is not a checkpoint: it has no " STATE_FILE
                          "; to start from a model use --model",
                          checkpoint);
        goto cleanup;
    }
    CLB_TRY(parse_state(state, path, s));
    if (s->args) goto cleanup;
    CLB_TRY(read_json(checkpoint, TRAIN_ARGS_FILE, "options of the run", &path, &s->args));
    if (!json_is_object(s->args))
        status = clb_fail(CLB_ERROR_FORMAT, "%s: is missing, or not the options of a run", path);
cleanup:
    json_decref(state);
    free(path);
    return status;
}

static enum clb_status check_tensors(const char *checkpoint, const char *name)
{
    struct safetensors *file = NULL;
    char *path = base_format("%s/%s", checkpoint, name);
    enum clb_status status = path ? safetensors_open(path, &file) : out_of_memory(checkpoint);
    safetensors_close(file);
    free(path);
    return status;
}

enum clb_status train_checkpoint_check(const char *checkpoint)
{
    struct saved_state state;
    struct clb_config config;
    char *path = base_format("%s/config.json", checkpoint);
    enum clb_status status = read_state(checkpoint, &state);
    free_state(&state);
    if (status == CLB_OK)
        status = path ? clb_config_read(path, &config) : out_of_memory(checkpoint);
    if (status == CLB_OK) status = check_tensors(checkpoint, "model.safetensors");
    if (status == CLB_OK) status = check_tensors(checkpoint, "optimizer.safetensors");
    free(path);
    return status;
}

/* The device multiplies as it did before, so that the bits go on; elsewhere that is said. */
static enum clb_status take_products(struct train_run *run, const struct saved_state *s)
{
    bool honoured = true;
    if (!s->products) return CLB_OK;
    enum clb_status status = clb_device_use_products(run->device, s->products, &honoured);
    if (status == CLB_OK && !honoured)
        base_warn("%s: the run goes on with other last digits", clb_error_message());
    return status;
}

/* Takes the state over, where the options allow it. */
static enum clb_status take_state(struct train_run *run, const struct saved_state *s,
                                  const char *checkpoint)
{
    json_t *model = json_object_get(s->args, "model"),
           *dropout = json_object_get(s->args, "dropout");
    const bool own_dropout = run->options->dropout < 0; /* the checkpoint's */
    enum clb_status status;
    if (s->step > run->options->max_steps) {
        status =
            clb_fail(CLB_ERROR_ARGUMENT, "%s: is at step %" PRId64 ", beyond --max-steps %" PRId64,
                     checkpoint, s->step, run->options->max_steps);
        goto cleanup;
    }
    CLB_TRY(train_args_compare(run, s->args, checkpoint));
    if ((model && json_object_set(run->args, "model", model) != 0) ||
        (dropout && own_dropout && json_object_set(run->args, "dropout", dropout) != 0)) {
        status = out_of_memory(checkpoint);
        goto cleanup;
    }
    run->step = s->step;
    run->interval = s->interval;
    run->best = s->best;
    clb_model_set_streams(run->model, s->streams);
    CLB_TRY(take_products(run, s));
    CLB_TRY(clb_model_write_losses(run->model, &s->losses));
cleanup:
    return status;
}

enum clb_status train_restore(struct train_run *run, const char *checkpoint)
{
    const struct train_optimizer *o = run->optimizer;
    const struct clb_tensor_list moments[] = {{"exp_avg.", o->first, o->parameter_count},
                                              {"exp_avg_sq.", o->second, o->parameter_count}};
    struct saved_state state;
    char *optimizer = base_format("%s/optimizer.safetensors", checkpoint);
    enum clb_status status;
    CLB_TRY(read_state(checkpoint, &state));
    if (!optimizer) {
        status = out_of_memory(checkpoint);
        goto cleanup;
    }
    CLB_TRY(take_state(run, &state, checkpoint));
    CLB_TRY(clb_model_load(run->model, checkpoint, run->options->seed));
    CLB_TRY(clb_tensors_load(optimizer, moments, 2));
    run->checked = run->saved = run->step;
    if (run->optimizer->loss_scale.dynamic && state.loss_scale > 0) {
        run->optimizer->loss_scale.scale = (float)state.loss_scale;
        run->optimizer->loss_scale.good_steps = (int32_t)state.good_steps;
    }
    base_log("going on from %s at step %" PRId64, checkpoint, run->step);
    if (run->step == run->options->max_steps) base_log("all its steps are done already");
cleanup:
    free_state(&state);
    free(optimizer);
    return status;
}
