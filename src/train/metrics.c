/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says about itself: metrics.jsonl, and lines for people. */
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "train/train.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- metrics.jsonl ---- */

/* Copies the lines of steps that a resumed run will not do again. A line cut short by a crash is
 * left out. */
static enum clb_status keep_lines(const char *path, int64_t step)
{
    char *line = NULL;
    size_t capacity = 0;
    struct base_file *out = NULL;
    FILE *in = fopen(path, "r");
    if (!in)
        return errno == ENOENT ? CLB_OK : clb_fail(CLB_ERROR_IO, "%s: %s", path, strerror(errno));
    enum clb_status status;
    CLB_TRY(base_file_create(path, &out));
    while (getline(&line, &capacity, in) > 0) {
        json_t *json = json_loads(line, 0, NULL);
        const json_t *at = json_object_get(json, "step");
        if (json_is_integer(at) && json_integer_value(at) <= step)
            fputs(line, base_file_stream(out));
        json_decref(json);
    }
    status = base_file_commit(out);
    out = NULL;
cleanup:
    base_file_abandon(out);
    free(line);
    fclose(in);
    return status;
}

enum clb_status train_metrics_open(struct train_run *run)
{
    char *path = base_format("%s/metrics.jsonl", run->options.output_dir);
    enum clb_status status;
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
    CLB_TRY(keep_lines(path, run->step));
    run->metrics = fopen(path, "a");
    if (!run->metrics)
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be written: %s", path, strerror(errno));
cleanup:
    free(path);
    return status;
}

static enum clb_status append_line(struct train_run *run, json_t *json)
{
    if (!json) return clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
    int failed = json_dumpf(json, run->metrics, JSON_REAL_PRECISION(9));
    json_decref(json);
    if (failed || fputc('\n', run->metrics) == EOF || fflush(run->metrics) != 0)
        return clb_fail(CLB_ERROR_IO, "%s/metrics.jsonl: cannot be written: %s",
                        run->options.output_dir, strerror(errno));
    return CLB_OK;
}

/* ---- lines for people ---- */

static void format_duration(double seconds, char *text, size_t size)
{
    int64_t s = seconds > 0 ? (int64_t)seconds : 0;
    if (s >= 3600)
        snprintf(text, size, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(text, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

static double seconds_left(const struct train_run *run, double tokens_per_second,
                           double tokens_a_step)
{
    if (tokens_per_second <= 0) return 0;
    return (double)(run->options.max_steps - run->step) * tokens_a_step / tokens_per_second;
}

void train_progress(const struct train_run *run)
{
    if (!base_log_is_terminal() || run->interval.tokens == 0) return;
    double seconds = base_seconds() - run->last_log;
    double rate = (double)run->interval.tokens / seconds;
    double pairs_a_step =
        (double)run->options.per_device_train_batch_size * run->options.gradient_accumulation_steps;
    char left[32];
    format_duration(
        seconds_left(run, rate,
                     (double)run->interval.tokens * pairs_a_step / (double)run->interval.pairs),
        left, sizeof left);
    base_log_progress("step %" PRId64 "/%" PRId64 "  %s%.0f tokens/s  %s left", run->step,
                      run->options.max_steps, run->figures, rate, left);
}

enum clb_status train_log(struct train_run *run)
{
    const struct clb_training_options *o = &run->options;
    const struct train_interval *i = &run->interval;
    const struct clb_losses zero = {0};
    struct clb_losses sums;
    double norm, now = base_seconds(), seconds = now - run->last_log;
    if (i->masked == 0 || i->pairs == 0) return CLB_OK;
    enum clb_status status;
    CLB_TRY(clb_model_read_losses(run->model, &sums));
    CLB_TRY(clb_model_write_losses(run->model, &zero));
    CLB_TRY(train_optimizer_norm(run->optimizer, run->step - 1, &norm));
    double mlm = sums.mlm_loss / (double)i->masked, nsp = sums.nsp_loss / (double)i->pairs;
    double mlm_accuracy = sums.mlm_correct / (double)i->masked;
    double nsp_accuracy = sums.nsp_correct / (double)i->pairs;
    double learning_rate =
        clb_learning_rate(o->learning_rate, o->warmup_steps, o->max_steps, run->step - 1);
    double rate = (double)i->tokens / seconds;
    char left[32];
    format_duration(seconds_left(run, rate,
                                 (double)i->tokens * o->per_device_train_batch_size *
                                     o->gradient_accumulation_steps / (double)i->pairs),
                    left, sizeof left);
    snprintf(run->figures, sizeof run->figures,
             "loss %.4f  mlm %.4f (%.1f %%)  nsp %.4f (%.1f %%)  lr %.2e  ", mlm + nsp, mlm,
             100 * mlm_accuracy, nsp, 100 * nsp_accuracy, learning_rate);
    base_log("step %" PRId64 "/%" PRId64 "  %snorm %.2f  %.0f tokens/s  %s left", run->step,
             o->max_steps, run->figures, norm, rate, left);
    CLB_TRY(append_line(run, json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "step",
                                       (json_int_t)run->step, "loss", mlm + nsp, "mlm_loss", mlm,
                                       "nsp_loss", nsp, "mlm_accuracy", mlm_accuracy,
                                       "nsp_accuracy", nsp_accuracy, "learning_rate", learning_rate,
                                       "grad_norm", norm, "tokens_per_second", rate)));
    run->interval = (struct train_interval){0};
    run->last_log = now;
cleanup:
    return status;
}

enum clb_status train_log_evaluation(struct train_run *run, const struct clb_evaluation *e)
{
    base_log("step %" PRId64 "  held out: mlm %.4f (%.1f %%, perplexity %.2f)  nsp %.4f (%.1f %%)  "
             "%" PRId64 " pairs",
             run->step, e->mlm_loss, 100 * e->mlm_accuracy, e->mlm_perplexity, e->nsp_loss,
             100 * e->nsp_accuracy, e->pairs);
    return append_line(
        run, json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:I}", "step", (json_int_t)run->step,
                       "eval_mlm_loss", e->mlm_loss, "eval_mlm_accuracy", e->mlm_accuracy,
                       "eval_mlm_perplexity", e->mlm_perplexity, "eval_nsp_loss", e->nsp_loss,
                       "eval_nsp_accuracy", e->nsp_accuracy, "eval_pairs", (json_int_t)e->pairs));
}

void train_print_plan(const struct train_run *run)
{
    const struct clb_training_options *o = &run->options;
    const struct clb_config *c = clb_model_config(run->model);
    const struct clb_device_info *device = clb_device_info(run->device);
    struct clb_memory_plan plan = clb_model_memory(run->model);
    int64_t moments = train_optimizer_bytes(run->optimizer);
    int64_t pairs = (int64_t)o->per_device_train_batch_size * o->gradient_accumulation_steps;
    double epochs =
        (double)o->max_steps * (double)pairs / (double)clb_stream_epoch_examples(run->stream);
    const double mib = 1.0 / (1 << 20);
    base_log("device   %s: %s (%s)", device->selector, device->name,
             clb_device_reason(run->device));
    base_log("model    %d layers, hidden %d, %d heads, vocabulary %d: %.2f M parameters",
             c->num_hidden_layers, c->hidden_size, c->num_attention_heads, c->vocab_size,
             (double)clb_config_parameters(c) * 1e-6);
    base_log("data     %s: %" PRId64 " documents, %" PRId64 " sentences, %" PRId64 " tokens",
             clb_corpus_directory(run->corpus), clb_corpus_documents(run->corpus, CLB_TRAIN),
             clb_corpus_sentences(run->corpus, CLB_TRAIN),
             clb_corpus_tokens(run->corpus, CLB_TRAIN));
    base_log("steps    %" PRId64 " of %" PRId64 " pairs (%d x %d), at most %" PRId64
             " tokens a step; %.2f epochs",
             o->max_steps, pairs, o->per_device_train_batch_size, o->gradient_accumulation_steps,
             pairs * o->max_seq_length, epochs);
    base_log("memory   weights %.1f, gradients %.1f, moments %.1f, activations %.1f, batch %.1f: "
             "%.1f MiB of %.0f",
             (double)plan.weights * mib, (double)plan.gradients * mib, (double)moments * mib,
             (double)plan.activations * mib, (double)plan.batch * mib,
             (double)(plan.weights + plan.gradients + moments + plan.activations + plan.batch) *
                 mib,
             (double)device->memory_bytes * mib);
}
