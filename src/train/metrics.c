/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says about itself: metrics.jsonl, and lines for people. */
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "train/loss_figures.h"
#include "train/run.h"

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

enum clb_status train_metrics_begin(struct train_run *run)
{
    char *path = base_format("%s/metrics.jsonl", run->options->output_dir);
    enum clb_status status =
        path ? keep_lines(path, run->step) : clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
    free(path);
    const bool comparable = run->options->precision == CLB_F32; /* the peak is that of fp32 */
    if (status == CLB_OK && comparable &&
        clb_device_peak(run->device, &run->peak_gflops) != CLB_OK) {
        base_warn("%s: speed is shown without its share of the peak", clb_error_message());
        run->peak_gflops = 0.0;
    }
    return status;
}

static enum clb_status open_metrics(struct train_run *run)
{
    char *path = base_format("%s/metrics.jsonl", run->options->output_dir);
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
    run->metrics = fopen(path, "ae");
    enum clb_status status =
        run->metrics ? CLB_OK
                     : clb_fail(CLB_ERROR_IO, "%s: cannot be written: %s", path, strerror(errno));
    free(path);
    return status;
}

/* Takes `json` over. */
static enum clb_status append_line(struct train_run *run, json_t *json)
{
    enum clb_status status = json ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
    if (status == CLB_OK && !run->metrics) status = open_metrics(run);
    if (status == CLB_OK && (json_dumpf(json, run->metrics, JSON_REAL_PRECISION(9)) != 0 ||
                             fputc('\n', run->metrics) == EOF || fflush(run->metrics) != 0))
        status = clb_fail(CLB_ERROR_IO, "%s/metrics.jsonl: cannot be written: %s",
                          run->options->output_dir, strerror(errno));
    json_decref(json);
    return status;
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

/* Tokens a second of this interval; what was shown before a resume took a time of its own. */
static double speed(const struct train_run *run)
{
    return (double)(run->interval.tokens - run->interval.resumed) /
           fmax(base_seconds() - run->last_log, 1e-9);
}

static void format_left(const struct train_run *run, double rate, char *text, size_t size)
{
    const struct clb_training_options *o = run->options;
    const double pairs_a_step =
        (double)o->per_device_train_batch_size * o->gradient_accumulation_steps;
    const double tokens_a_step =
        (double)run->interval.tokens * pairs_a_step / (double)run->interval.sequences;
    format_duration((double)(o->max_steps - run->step) * tokens_a_step / rate, text, size);
}

void train_progress(const struct train_run *run)
{
    if (!base_log_is_terminal() || run->interval.tokens == 0) return;
    const double rate = speed(run);
    char left[32];
    format_left(run, rate, left, sizeof left);
    base_log_progress("step %" PRId64 "/%" PRId64 "  %s%.0f tokens/s  %s left", run->step,
                      run->options->max_steps, run->figures, rate, left);
}

static double total_of(const struct clb_losses *losses)
{
    double total = 0;
    for (int i = 0; i < losses->count; i++)
        if (losses->loss[i].count > 0) total += clb_loss_mean(&losses->loss[i]);
    return total;
}

/* What the products of the model's steps take of the device's peak, "61 % of peak  ". Sequences of
 * several lengths are counted by their mean. */
static void format_peak_share(const struct train_run *run, double rate, char *text, size_t size)
{
    const struct clb_losses *losses = &run->report->last.losses;
    const double tokens = (double)run->interval.tokens;
    double masked = 0;
    *text = 0;
    if (run->peak_gflops <= 0.0) return;
    for (int i = 0; i < losses->count; i++)
        if (strcmp(losses->loss[i].name, "mlm") == 0) masked = (double)losses->loss[i].count;
    const double flops = clb_config_flops_per_token(
        clb_model_config(run->model), tokens / (double)run->interval.sequences, masked / tokens);
    snprintf(text, size, "%.0f %% of peak  ", 1e-7 * flops * rate / run->peak_gflops);
}

static void say_interval(struct train_run *run, double learning_rate, double norm, double rate)
{
    const struct clb_losses *losses = &run->report->last.losses;
    char left[32], parts[120], share[32];
    format_left(run, rate, left, sizeof left);
    format_peak_share(run, rate, share, sizeof share);
    train_format_losses(losses, false, parts, sizeof parts);
    snprintf(run->figures, sizeof run->figures, "loss %.4f  %s  lr %.2e  ", total_of(losses), parts,
             learning_rate);
    base_log("step %" PRId64 "/%" PRId64 "  %snorm %.2f  %.0f tokens/s  %s%s left", run->step,
             run->options->max_steps, run->figures, norm, rate, share, left);
}

static enum clb_status append_interval(struct train_run *run, double learning_rate, double norm,
                                       double rate)
{
    const struct clb_losses *losses = &run->report->last.losses;
    json_t *json = json_pack("{s:I, s:o}", "step", (json_int_t)run->step, "loss",
                             base_json_number(total_of(losses)));
    int failed = 0;
    for (int figure = TRAIN_LOSS; json && figure <= TRAIN_ACCURACY; figure++)
        for (int i = 0; i < losses->count; i++)
            failed |= train_set_figure(json, "", &losses->loss[i], (enum train_figure)figure);
    if (json && (failed || json_object_set_new(json, "learning_rate", json_real(learning_rate)) ||
                 json_object_set_new(json, "grad_norm", base_json_number(norm)) ||
                 json_object_set_new(json, "tokens_per_second", json_real(rate)))) {
        json_decref(json);
        json = NULL;
    }
    return append_line(run, json);
}

enum clb_status train_log(struct train_run *run)
{
    const double norm = run->norm, rate = speed(run);
    if (run->interval.sequences == 0) return CLB_OK;
    const double learning_rate = train_learning_rate(run->options, run->step - 1);
    enum clb_status status;
    CLB_TRY(clb_model_read_losses(run->model, &run->report->last.losses));
    CLB_TRY(clb_model_write_losses(run->model, NULL));
    run->report->last.examples = run->interval.sequences;
    say_interval(run, learning_rate, norm, rate);
    CLB_TRY(append_interval(run, learning_rate, norm, rate));
    run->report->seconds += base_seconds() - run->last_log;
    run->interval = (struct train_interval){0};
    run->last_log = base_seconds();
cleanup:
    return status;
}

enum clb_status train_log_evaluation(struct train_run *run, const struct clb_evaluation *e)
{
    char parts[160];
    run->report->held_out = *e;
    train_format_losses(&e->losses, true, parts, sizeof parts);
    base_log("step %" PRId64 "  held out: %s  %" PRId64 " %s", run->step, parts, e->examples,
             run->example);
    json_t *json = json_pack("{s:I}", "step", (json_int_t)run->step);
    int failed = 0;
    for (int i = 0; json && i < e->losses.count; i++)
        for (int figure = 0; figure < TRAIN_FIGURES; figure++)
            failed |=
                train_set_figure(json, "eval_", &e->losses.loss[i], (enum train_figure)figure);
    if (json && (failed || json_object_set_new(json, "eval_pairs", json_integer(e->examples)))) {
        json_decref(json);
        json = NULL;
    }
    return append_line(run, json);
}

/* "loss 0.4123  accuracy 0.8750  f1_macro 0.8712": numbers alone, as many as there is room for. */
static void format_figures(const json_t *figures, char *text, size_t size)
{
    size_t length = 0;
    const char *key;
    json_t *figure;
    *text = 0;
    json_object_foreach((json_t *)figures, key, figure)
    {
        if (!json_is_number(figure) || length >= size) continue;
        length += (size_t)snprintf(text + length, size - length, "%s%s %.4g", length ? "  " : "",
                                   key, json_number_value(figure));
    }
}

enum clb_status train_log_figures(struct train_run *run, const json_t *figures)
{
    const double epoch = (double)run->step / run->epoch_steps;
    char text[400], name[128];
    const char *key;
    json_t *figure;
    format_figures(figures, text, sizeof text);
    base_log("step %" PRId64 "  held out: %s", run->step, text);
    json_t *json = json_pack("{s:I, s:f}", "step", (json_int_t)run->step, "epoch", epoch);
    int failed = 0;
    json_object_foreach((json_t *)figures, key, figure)
    {
        snprintf(name, sizeof name, "eval_%s", key);
        if (json) failed |= json_object_set(json, name, figure);
    }
    if (failed) {
        json_decref(json);
        json = NULL;
    }
    return append_line(run, json);
}
