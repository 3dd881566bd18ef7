/* SPDX-License-Identifier: Apache-2.0 */
/* The same fine-tuning with several seeds: one alone proves little (Mosbach et al., 2021). */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "train/fine_tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct runs {
    const struct clb_fine_tune_options *options;
    const uint64_t *seeds;
    int count;
    json_t **figures; /* [count] of each */
};

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "seeds: out of memory");
}

static enum clb_status run_one(struct runs *r, int number, struct clb_fine_tune_report *report)
{
    struct clb_fine_tune_options options = *r->options;
    char *directory =
        base_format("%s/seed-%" PRIu64, options.training.output_dir, r->seeds[number]);
    enum clb_status status = directory ? CLB_OK : out_of_memory();
    if (status != CLB_OK) return status;
    options.training.output_dir = directory;
    options.training.seed = r->seeds[number];
    base_log("seed %" PRIu64 ", run %d of %d: %s", r->seeds[number], number + 1, r->count,
             directory);
    CLB_TRY(clb_fine_tune(&options, report));
    if (!options.training.dry_run) {
        r->figures[number] = json_loads(report->figures, 0, NULL);
        if (!r->figures[number]) status = out_of_memory();
    }
cleanup:
    free(directory);
    return status;
}

/* Mean and deviation (of a sample) of a figure; false where one of the runs has none. */
static bool summarise(const struct runs *r, const char *key, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < r->count; i++) {
        const json_t *figure = json_object_get(r->figures[i], key);
        if (!json_is_number(figure)) return false;
        sum += json_number_value(figure);
    }
    *mean = sum / r->count;
    for (int i = 0; i < r->count; i++) {
        const double d = json_number_value(json_object_get(r->figures[i], key)) - *mean;
        squares += d * d;
    }
    *deviation = r->count > 1 ? sqrt(squares / (r->count - 1)) : 0.0;
    return true;
}

static enum clb_status collect(const struct runs *r, json_t **results)
{
    json_t *all = json_pack("{s:[]}", "seeds");
    json_t *seeds = json_object_get(all, "seeds"), *figure;
    const char *key;
    char name[160];
    int failed = !all;
    for (int i = 0; i < r->count && !failed; i++)
        failed = json_array_append_new(seeds, json_integer((json_int_t)r->seeds[i]));
    json_object_foreach(r->figures[0], key, figure)
    {
        double mean, deviation;
        if (failed || !summarise(r, key, &mean, &deviation)) continue;
        base_log("%-28s %.4f, deviation %.4f, of %d seeds", key, mean, deviation, r->count);
        snprintf(name, sizeof name, "%s_std", key);
        failed = json_object_set_new(all, key, base_json_number(mean)) ||
                 json_object_set_new(all, name, base_json_number(deviation));
    }
    *results = all;
    return failed ? out_of_memory() : CLB_OK;
}

static enum clb_status finish(const struct runs *r, struct clb_fine_tune_report *report)
{
    json_t *results = NULL;
    char *path = base_format("%s/eval_results.json", r->options->training.output_dir);
    enum clb_status status = path ? collect(r, &results) : out_of_memory();
    if (status == CLB_OK) status = base_json_write(path, results);
    free(report->figures);
    report->figures = status == CLB_OK ? json_dumps(results, JSON_REAL_PRECISION(9)) : NULL;
    json_decref(results);
    free(path);
    return status;
}

enum clb_status clb_fine_tune_seeds(const struct clb_fine_tune_options *options,
                                    const uint64_t *seeds, int count,
                                    struct clb_fine_tune_report *report)
{
    struct runs r = {options, seeds, count, calloc((size_t)count, sizeof(json_t *))};
    enum clb_status status = r.figures ? CLB_OK : out_of_memory();
    for (int i = 0; i < count && status == CLB_OK; i++) {
        clb_fine_tune_report_free(report);
        status = run_one(&r, i, report);
        if (options->training.dry_run) break;
    }
    if (status == CLB_OK && !options->training.dry_run) status = finish(&r, report);
    for (int i = 0; r.figures && i < count; i++) json_decref(r.figures[i]);
    free(r.figures);
    return status;
}
