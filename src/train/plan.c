/* SPDX-License-Identifier: Apache-2.0 */
/* What a run is about to do, in lines for people. */
#include "base/error.h"
#include "base/log.h"
#include "train/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_plan(const struct train_run *run, FILE *out)
{
    const struct clb_training_options *o = run->options;
    const struct clb_config *c = clb_model_config(run->model);
    const struct clb_device_info *device = clb_device_info(run->device);
    const struct clb_memory_plan plan = clb_model_memory(run->model);
    const int64_t moments = train_optimizer_bytes(run->optimizer);
    const int64_t pairs = (int64_t)o->per_device_train_batch_size * o->gradient_accumulation_steps;
    const double epochs = (double)o->max_steps / run->epoch_steps;
    const double mib = 1.0 / (1 << 20);
    fprintf(out, "device   %s: %s (%s)\n", device->selector, device->name,
            clb_device_reason(run->device));
    fprintf(out, "model    %d layers, hidden %d, %d heads, vocabulary %d: %.2f M parameters\n",
            c->num_hidden_layers, c->hidden_size, c->num_attention_heads, c->vocab_size,
            (double)clb_config_parameters(c) * 1e-6);
    run->job->print_data(run, out);
    fprintf(out,
            "steps    %" PRId64 " of %" PRId64 " %s (%d x %d), at most %" PRId64
            " tokens a step; %.2f epochs\n",
            o->max_steps, pairs, run->example, o->per_device_train_batch_size,
            o->gradient_accumulation_steps, pairs * o->max_seq_length, epochs);
    fprintf(out,
            "memory   weights %.1f, gradients %.1f, moments %.1f, activations %.1f, batch %.1f, "
            "scratch %.1f: %.1f MiB of %.0f\n",
            (double)plan.weights * mib, (double)plan.gradients * mib, (double)moments * mib,
            (double)plan.activations * mib, (double)plan.batch * mib, (double)plan.scratch * mib,
            (double)(plan.weights + plan.gradients + moments + plan.activations + plan.batch +
                     plan.scratch) *
                mib,
            (double)device->memory_bytes * mib);
}

enum clb_status train_plan(struct train_run *run)
{
    size_t size;
    FILE *out = open_memstream(&run->report->plan, &size);
    if (!out) return clb_fail(CLB_ERROR_MEMORY, "the plan of the run: out of memory");
    print_plan(run, out);
    const bool whole = !ferror(out);
    if (fclose(out) != 0 || !whole || !run->report->plan)
        return clb_fail(CLB_ERROR_MEMORY, "the plan of the run: out of memory");
    for (const char *line = run->report->plan; *line && !run->options->dry_run;) {
        const int length = (int)strcspn(line, "\n");
        base_log("%.*s", length, line);
        line += length + 1;
    }
    return CLB_OK;
}

void clb_training_report_free(struct clb_training_report *report)
{
    free(report->plan);
    *report = (struct clb_training_report){0};
}
