/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the output directory: nothing of an older run is lost unless that was asked for
 * and the new one is possible; what a resume goes on from, sets aside, and refuses. */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/partial.h"
#include "support_devices.h"
#include "support_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *config, *run;
static struct clb_training_options options;

static bool in_run(const char *name)
{
    char *path = base_format("%s/%s", run, name);
    const bool exists = base_exists(path);
    free(path);
    return exists;
}

static void refused(const struct clb_training_options *o, enum clb_status expected,
                    const char *word)
{
    const enum clb_status status = clb_pretrain(o, NULL);
    if (status == expected && strstr(clb_error_message(), word)) return;
    print_error("status %d, \"%s\" instead of %d, \"%s\"\n", (int)status, clb_error_message(),
                (int)expected, word);
    fail();
}

/* A finished run of 12 steps with checkpoints 4, 8 and 12. */
static int make_run(void **state)
{
    (void)state;
    config = run_config();
    run = run_path("run");
    options = run_options(run, config);
    return clb_pretrain(&options, NULL) != CLB_OK;
}

static int remove_run(void **state)
{
    (void)state;
    const bool failed = base_remove_tree(run) != CLB_OK;
    free(config);
    free(run);
    return failed;
}

/* ---- overwriting ---- */

static void assert_run_stands(void)
{
    assert_true(in_run("checkpoint-4") && in_run("checkpoint-8") && in_run("checkpoint-12"));
    assert_true(in_run("metrics.jsonl") && in_run("model.safetensors"));
}

static void test_overwriting_what_fails_loses_nothing(void **state)
{
    (void)state;
    char *inside = base_format("%s/checkpoint-8", run);
    struct clb_training_options o = options;
    o.overwrite = true;
    o.device = "no such device";
    refused(&o, CLB_ERROR_ARGUMENT, "no such device");
    assert_run_stands();
    o = options;
    o.overwrite = true;
    o.model = "nosuch.json";
    refused(&o, CLB_ERROR_IO, "nosuch.json");
    assert_run_stands();
    o.model = run;
    refused(&o, CLB_ERROR_ARGUMENT, "lies in the --output-dir");
    o.model = inside;
    refused(&o, CLB_ERROR_ARGUMENT, "lies in the --output-dir");
    assert_run_stands();
    o.model = config;
    o.dry_run = true;
    OK(clb_pretrain(&o, NULL));
    assert_run_stands();
    o.dry_run = false;
    o.max_steps = 2;
    OK(clb_pretrain(&o, NULL)); /* possible: now it is replaced */
    assert_false(in_run("checkpoint-8"));
    assert_true(in_run("checkpoint-2"));
    free(inside);
}

static void test_failed_first_run_does_not_block_the_next(void **state)
{
    (void)state;
    char *fresh = run_path("fresh");
    struct clb_training_options o = run_options(fresh, config);
    o.device = "no such device";
    refused(&o, CLB_ERROR_ARGUMENT, "no such device");
    assert_false(base_exists(fresh));
    o = run_options(fresh, config);
    o.learning_rate = 1e38f;
    o.warmup_steps = 0;
    o.save_steps = 1;
    refused(&o, CLB_ERROR_NUMERIC, "weights are not finite; no checkpoint was written yet");
    o = run_options(fresh, config);
    OK(clb_pretrain(&o, NULL));
    OK(base_remove_tree(fresh));
    free(fresh);
}

/* A loss so large that its perplexity is infinite is no failure: JSON has null for that. */
static void test_infinite_perplexity(void **state)
{
    (void)state;
    char *fresh = run_path("perplexed"), *metrics = run_path("perplexed/metrics.jsonl"), *text;
    size_t size;
    struct clb_training_options o = run_options(fresh, config);
    o.learning_rate = 100;
    OK(clb_pretrain(&o, NULL));
    OK(base_file_read(metrics, "metrics", 1 << 20, &text, &size));
    assert_non_null(strstr(text, "\"eval_mlm_perplexity\": null"));
    free(text);
    OK(base_remove_tree(fresh));
    free(fresh);
    free(metrics);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct base_lock *lock;
    struct clb_training_options o = options;
    OK(base_lock_take(run, &lock));
    o.overwrite = true;
    refused(&o, CLB_ERROR_ARGUMENT, "another program is at work");
    assert_run_stands();
    base_lock_release(lock);
}

/* ---- resuming ---- */

static void resume(const char *checkpoint, int64_t stop_after)
{
    volatile sig_atomic_t stop = 1;
    char *path = strcmp(checkpoint, "auto") == 0 ? strdup(checkpoint)
                                                 : base_format("%s/%s", run, checkpoint);
    struct clb_training_options o = options;
    o.resume_from_checkpoint = path;
    o.save_total_limit = 1;
    if (stop_after == 1) o.stop = &stop;
    assert_int_equal(clb_pretrain(&o, NULL), stop_after == 1 ? CLB_ERROR_INTERRUPTED : CLB_OK);
    free(path);
}

static void test_resuming_sets_newer_ones_aside(void **state)
{
    (void)state;
    char *whole = run_path("whole");
    struct clb_training_options o = run_options(whole, config);
    OK(clb_pretrain(&o, NULL));
    resume("checkpoint-4", 1);
    assert_true(in_run("checkpoint-8.aside") && in_run("checkpoint-12.aside/metrics.jsonl"));
    assert_true(in_run("checkpoint-5")); /* the newest work, which the limit of 1 keeps */
    assert_false(in_run("checkpoint-4") || in_run("checkpoint-8") || in_run("checkpoint-12"));
    resume("auto", 0);
    run_assert_same_file(whole, run, "model.safetensors");
    run_assert_same_file(whole, run, "checkpoint-12/optimizer.safetensors");
    free(whole);
}

static void edit_state(const char *name, const char *key, json_t *value)
{
    char *path = base_format("%s/%s/run_state.json", run, name);
    json_t *state_json = NULL;
    OK(base_json_read(path, "state", &state_json));
    json_object_set_new(state_json, key, value);
    OK(base_json_write(path, state_json));
    json_decref(state_json);
    free(path);
}

static void remove_from(const char *checkpoint, const char *name)
{
    char *path = base_format("%s/%s/%s", run, checkpoint, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void test_auto_takes_the_newest_whole_one(void **state)
{
    (void)state;
    static const char *const odd[] = {"checkpoint-0099", "checkpoint-99999999999999999999"};
    char *file = base_format("%s/checkpoint-77", run), *old = base_format("%s/checkpoint-9", run);
    struct base_partial dead;
    for (int i = 0; i < 2; i++) {
        char *path = base_format("%s/%s", run, odd[i]);
        OK(base_make_directory(path));
        free(path);
    }
    OK(base_file_write(file, "x", 1));
    OK(base_partial_directory(old, &dead)); /* of a save that was killed */
    char *dead_path = strdup(dead.path);
    base_partial_close(&dead);
    remove_from("checkpoint-12", "model.safetensors");
    resume("auto", 1); /* from 8 */
    assert_true(in_run("checkpoint-9") && in_run("checkpoint-12.aside"));
    assert_false(base_exists(dead_path));
    edit_state("checkpoint-9", "format", json_integer(99));
    struct clb_training_options o = options;
    o.resume_from_checkpoint = "auto";
    refused(&o, CLB_ERROR_FORMAT, "none of its 1 checkpoints is whole");
    free(file);
    free(old);
    free(dead_path);
}

static void test_what_a_resume_refuses(void **state)
{
    (void)state;
    char *newest = base_format("%s/checkpoint-12", run), *other = run_path("other");
    struct clb_training_options o = options;
    o.resume_from_checkpoint = "nosuch";
    refused(&o, CLB_ERROR_ARGUMENT, "nosuch: there is no such checkpoint");
    o.resume_from_checkpoint = run;
    refused(&o, CLB_ERROR_FORMAT, "its newest checkpoint is");
    o.resume_from_checkpoint = run_directory;
    refused(&o, CLB_ERROR_FORMAT, "is not a checkpoint");
    o.resume_from_checkpoint = newest;
    o.max_steps = 11;
    refused(&o, CLB_ERROR_ARGUMENT, "is at step 12, beyond --max-steps 11");
    o.max_steps = 12;
    o.seed = 43;
    refused(&o, CLB_ERROR_ARGUMENT, "seed");
    o = options;
    o.resume_from_checkpoint = newest;
    o.optim = CLB_OPTIMIZER_LAMB;
    refused(&o, CLB_ERROR_ARGUMENT, "\"adamw\"");
    assert_run_stands();
    edit_state("checkpoint-12", "global_step", json_integer((json_int_t)1 << 62));
    o = options;
    o.resume_from_checkpoint = newest;
    refused(&o, CLB_ERROR_ARGUMENT, "beyond --max-steps");
    edit_state("checkpoint-12", "format", json_integer(99));
    refused(&o, CLB_ERROR_FORMAT, "use a newer one");
    /* Another run's checkpoint is no licence to write into this one. */
    struct clb_training_options elsewhere = run_options(other, config);
    elsewhere.max_steps = 4;
    OK(clb_pretrain(&elsewhere, NULL));
    char *foreign = base_format("%s/checkpoint-4", other);
    o.resume_from_checkpoint = foreign;
    refused(&o, CLB_ERROR_ARGUMENT, "holds another run");
    assert_run_stands();
    OK(base_remove_tree(other));
    free(newest);
    free(other);
    free(foreign);
}

/* ---- what 0.1.0 wrote ---- */

/* The interval as 0.1.0 wrote it. */
static json_t *former_interval(const json_t *interval)
{
    const json_t *losses = json_object_get(interval, "losses");
    const json_t *mlm = json_object_get(losses, "mlm"), *nsp = json_object_get(losses, "nsp");
    return json_pack(
        "{s:O, s:O, s:O, s:O, s:O, s:O, s:O}", "tokens", json_object_get(interval, "tokens"),
        "masked", json_object_get(mlm, "count"), "pairs", json_object_get(nsp, "count"), "mlm_loss",
        json_object_get(mlm, "sum"), "mlm_correct", json_object_get(mlm, "correct"), "nsp_loss",
        json_object_get(nsp, "sum"), "nsp_correct", json_object_get(nsp, "correct"));
}

/* Turns a checkpoint into what 0.1.0 left: trainer_state.json alone beside the tensors. */
static void make_former(const char *checkpoint)
{
    static const char *const kept[] = {"corpus",
                                       "seed",
                                       "per_device_train_batch_size",
                                       "gradient_accumulation_steps",
                                       "max_seq_length",
                                       "mlm_probability",
                                       "short_seq_probability",
                                       "whole_word_mask"};
    char *args_path = base_format("%s/%s/training_args.json", run, checkpoint);
    char *state_path = base_format("%s/%s/run_state.json", run, checkpoint);
    char *former_path = base_format("%s/%s/trainer_state.json", run, checkpoint);
    json_t *args = NULL, *state_json = NULL, *stream = json_object();
    OK(base_json_read(args_path, "options", &args));
    OK(base_json_read(state_path, "state", &state_json));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(stream, kept[i], json_object_get(args, kept[i]));
    json_object_set_new(stream, "mlm_probability", json_real(0.15f)); /* as a double there */
    json_object_set_new(state_json, "interval",
                        former_interval(json_object_get(state_json, "interval")));
    json_object_del(state_json, "format");
    json_object_del(state_json, "clbert");
    json_object_set_new(state_json, "max_steps", json_integer(12));
    json_object_set_new(state_json, "optim", json_integer(0));
    json_object_set_new(state_json, "stream", stream);
    OK(base_json_write(former_path, state_json));
    assert_int_equal(unlink(args_path) | unlink(state_path), 0);
    json_decref(args);
    json_decref(state_json);
    free(args_path);
    free(state_path);
    free(former_path);
}

static void resume_former(const char *checkpoint)
{
    char *path = base_format("%s/%s", run, checkpoint);
    struct clb_training_options o = options;
    o.resume_from_checkpoint = path;
    OK(clb_pretrain(&o, NULL));
    free(path);
}

/* They go on with the random numbers of 0.1.0, and so do what they lead to: the same bits whether
 * one of them is between or not. */
static void test_former_checkpoints_go_on(void **state)
{
    (void)state;
    char *final = base_format("%s/model.safetensors", run), *one, *other;
    size_t one_size, other_size;
    make_former("checkpoint-4");
    resume_former("checkpoint-4");
    OK(base_file_read(final, "model", 1 << 24, &one, &one_size));
    make_former("checkpoint-8");
    struct clb_training_options o = options;
    char *former = base_format("%s/checkpoint-8", run);
    o.resume_from_checkpoint = former;
    o.optim = CLB_OPTIMIZER_BERT_ADAM;
    refused(&o, CLB_ERROR_ARGUMENT, "optim");
    o.optim = CLB_OPTIMIZER_ADAMW;
    o.no_nsp = true;
    refused(&o, CLB_ERROR_ARGUMENT, "no_nsp");
    resume_former("checkpoint-8");
    OK(base_file_read(final, "model", 1 << 24, &other, &other_size));
    assert_int_equal(one_size, other_size);
    assert_memory_equal(one, other, one_size);
    free(one);
    free(other);
    free(former);
    free(final);
}

#define ON_RUN(test) cmocka_unit_test_setup_teardown(test, make_run, remove_run)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_RUN(test_overwriting_what_fails_loses_nothing),
        ON_RUN(test_failed_first_run_does_not_block_the_next),
        ON_RUN(test_infinite_perplexity),
        ON_RUN(test_one_at_a_time),
        ON_RUN(test_resuming_sets_newer_ones_aside),
        ON_RUN(test_auto_takes_the_newest_whole_one),
        ON_RUN(test_what_a_resume_refuses),
        ON_RUN(test_former_checkpoints_go_on),
    };
    return cmocka_run_group_tests(tests, run_make_corpus, run_remove_corpus);
}
