/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- what can be compared ---- */

static bool may_differ(const char *key, const json_t *value)
{
    return json_is_string(value) && strcmp(key, "model") != 0; /* another device, another product */
}

static enum clb_status check_head(const char *path, const json_t *head, const json_t *before)
{
    const char *key;
    const json_t *here;
    json_object_foreach((json_t *)head, key, here)
    {
        const json_t *there = json_object_get(before, key);
        if (!there || may_differ(key, here) || json_equal(here, there)) continue;
        if (json_is_string(here))
            return clb_fail(CLB_ERROR_ARGUMENT, "%s: its %s: %s, here: %s", path, key,
                            json_string_value(there), json_string_value(here));
        return clb_fail(CLB_ERROR_ARGUMENT, "%s: its %s: %.15g, here: %.15g", path, key,
                        json_number_value(there), json_number_value(here));
    }
    return CLB_OK;
}

/* Of either kind, whatever it is of. */
static bool is_output(const json_t *json)
{
    return json_is_string(json_object_get(json, "device")) &&
           json_is_string(json_object_get(json, "model")) &&
           json_is_integer(json_object_get(json, "batch_size")) &&
           json_is_integer(json_object_get(json, "max_seq_length")) &&
           json_is_number(json_object_get(json, "peak_gflops"));
}

enum clb_status cli_bench_read(const char *path, const json_t *head, bool of_steps, json_t **before)
{
    enum clb_status status;
    *before = NULL;
    CLB_TRY(base_json_read(path, "output of bench --json", before));
    if (!is_output(*before))
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "%s: is no output of clbert bench --json", path));
    if (of_steps != json_is_number(json_object_get(*before, "tokens_per_second")))
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "%s: is of %s", path,
                         of_steps ? "single operations (--op), not of steps"
                                  : "whole steps, not of single operations (--op)"));
    if (!json_object_get(head, "task") != !json_object_get(*before, "task"))
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "%s: is of another --task", path));
    CLB_TRY(check_head(path, head, *before));
cleanup:
    if (status != CLB_OK) {
        json_decref(*before);
        *before = NULL;
    }
    return status;
}

/* ---- the comparison ---- */

/* A line of a figure in units of `unit`, where both have it. */
static void print_figure(const char *name, const char *key, double unit, bool less_is_faster,
                         const json_t *before, const json_t *now)
{
    const double here = json_number_value(json_object_get(now, key));
    const double there = json_number_value(json_object_get(before, key));
    if (here > 0.0 && there > 0.0)
        printf("%-58s %12.3f %12.3f %8.2f\n", name, here / unit, there / unit,
               less_is_faster ? there / here : here / there);
}

static const json_t *operation_named(const json_t *list, const char *name)
{
    size_t i;
    const json_t *operation;
    json_array_foreach(list, i, operation)
    {
        const char *other = json_string_value(json_object_get(operation, "name"));
        if (other && strcmp(other, name) == 0) return operation;
    }
    return NULL;
}

static void print_differing(const json_t *before, const json_t *now)
{
    const char *key;
    const json_t *here;
    json_object_foreach((json_t *)now, key, here)
    {
        const char *there = json_string_value(json_object_get(before, key));
        if (json_is_string(here) && there && strcmp(json_string_value(here), there) != 0)
            printf("%-8s %s, before %s\n", key, json_string_value(here), there);
    }
}

void cli_bench_compare(const char *path, const json_t *before, const json_t *now)
{
    size_t i;
    const json_t *operation;
    printf("\nbeside %s\n", path);
    print_differing(before, now);
    printf("%-58s %12s %12s %8s\n", "", "now", "before", "speed-up");
    print_figure("tokens/s", "tokens_per_second", 1.0, false, before, now);
    print_figure("sentences/s", "sentences_per_second", 1.0, false, before, now);
    print_figure("step, ms", "seconds_per_step", 1e-3, true, before, now);
    print_figure("peak, GFLOP/s", "peak_gflops", 1.0, false, before, now);
    print_figure("large sums, GB/s", "stream_gigabytes", 1.0, false, before, now);
    json_array_foreach(json_object_get(now, "operations"), i, operation)
    {
        char label[160];
        const char *name = json_string_value(json_object_get(operation, "name"));
        snprintf(label, sizeof label, "%s, ms", name);
        print_figure(label, "seconds", 1e-3, true,
                     operation_named(json_object_get(before, "operations"), name), operation);
    }
}
