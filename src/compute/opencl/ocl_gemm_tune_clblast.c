/* SPDX-License-Identifier: Apache-2.0 */
/* The search for CLBlast's parameters: what it has now, the sets that are known to be good, the
 * best two of them together, then whatever differs from the best in one parameter, as long as that
 * helps. A set is as good as its mean rate over all products, those that a tile does, too. */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "compute/opencl/ocl_gemm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char kept_key[] = "clblast", passed_key[] = "passed over", trials_key[] = "trials";
static const double better = 1.02; /* what is less may be chance */

static bool is_of_clblast(const char *name)
{
    return strncmp(name, kept_key, strlen(kept_key)) == 0;
}

/* ---- what is kept ---- */

void ocl_clblast_take_kept(struct ocl_device *device, const json_t *all)
{
    const json_t *results = json_object_get(all, clb_type_name(CLB_F32));
    const char *name = json_string_value(json_object_get(results, kept_key));
    const struct ocl_gemm_candidate *kept = name ? ocl_gemm_tuned(device, name) : NULL;
    device->clblast = NULL;
    if (!kept || !kept->parameters) return;
    if (ocl_clblast_use(device, kept->parameters) == CLB_OK)
        device->clblast = kept;
    else
        base_warn("%s; CLBlast's own choice is used", clb_error_message());
}

static bool is_list_of_names(const json_t *list)
{
    const json_t *name;
    size_t i;
    json_array_foreach((json_t *)list, i, name) if (!json_is_string(name)) return false;
    return json_is_array(list);
}

/* An object, or a list of names, of the table, made where there is none. */
static json_t *part(json_t *table, const char *key, bool list)
{
    const json_t *found = json_object_get(table, key);
    if (list ? !is_list_of_names(found) : !json_is_object(found))
        json_object_set_new(table, key, list ? json_array() : json_object());
    return json_object_get(table, key);
}

static json_t *trials(struct ocl_gemm_search *s, const struct ocl_gemm_shape *shape)
{
    char key[96];
    snprintf(key, sizeof key, "%s %lldx%lldx%lld", ocl_gemm_kind_names[shape->kind],
             (long long)shape->m, (long long)shape->n, (long long)shape->k);
    return part(part(s->results, trials_key, false), key, false);
}

/* ---- sets ---- */

/* Mean GFLOP/s; 0 where it was not tried at all products. */
static double score(struct ocl_gemm_search *s, const char *name)
{
    double seconds = 0.0;
    for (int i = 0; i < s->count; i++)
        seconds += 1.0 / json_number_value(json_object_get(trials(s, &s->shapes[i]), name));
    return s->count / seconds;
}

static const char *current(const struct ocl_gemm_search *s)
{
    return ocl_gemm_candidate(s->device, OCL_GEMM_CLBLAST)->name;
}

/* The best of those that `is`; false: there is none. */
static bool best_of(struct ocl_gemm_search *s, bool (*is)(const struct ocl_clblast *),
                    struct ocl_clblast *best)
{
    json_t *tried = trials(s, &s->shapes[0]), *rate;
    struct ocl_clblast set;
    double most = 0.0;
    const char *name;
    json_object_foreach(tried, name, rate)
    {
        const double rated = score(s, name);
        if (rated <= most || !ocl_clblast_read(name, &set) || (is && !is(&set))) continue;
        most = rated;
        *best = set;
    }
    return most > 0.0;
}

/* Where nobody has tried it, and the device can. */
static const struct ocl_gemm_candidate *untried(struct ocl_gemm_search *s,
                                                const struct ocl_clblast *set)
{
    char name[OCL_CLBLAST_NAME];
    ocl_clblast_name(set, name);
    if (json_object_get(trials(s, &s->shapes[0]), name) ||
        ocl_gemm_is_noted(s->results, passed_key, name))
        return NULL;
    return ocl_gemm_tuned(s->device, name);
}

/* What the sets to try are made of. */
struct sources {
    struct ocl_clblast indirect, direct, best;
    bool mixes, climbs;
};
enum { KNOWN, MIXED, NEIGHBOURS, SOURCES };

/* The set of number i of a source. */
static bool propose(const struct sources *from, int source, int i, struct ocl_clblast *set)
{
    switch (source) {
    case KNOWN:
        return ocl_clblast_known(i, set);
    case MIXED:
        return from->mixes && ocl_clblast_mixed(&from->indirect, &from->direct, i, set);
    default:
        return from->climbs && ocl_clblast_neighbour(&from->best, i, set);
    }
}

/* Those that are to be tried, as far as is known: the first, and how many. */
static int list(struct ocl_gemm_search *s, const struct ocl_gemm_candidate **first)
{
    struct sources from;
    struct ocl_clblast set;
    int count = 0;
    *first = NULL;
    if (s->type != CLB_F32) return 0;
    from.mixes = best_of(s, ocl_clblast_is_indirect, &from.indirect) &&
                 best_of(s, ocl_clblast_is_direct, &from.direct);
    from.climbs = best_of(s, NULL, &from.best);
    for (int source = 0; source < SOURCES; source++)
        for (int i = 0; propose(&from, source, i, &set); i++) {
            const struct ocl_gemm_candidate *candidate = untried(s, &set);
            if (candidate && count++ == 0) *first = candidate;
        }
    return count;
}

const struct ocl_gemm_candidate *ocl_clblast_next(struct ocl_gemm_search *s)
{
    const struct ocl_gemm_candidate *first;
    if (s->type == CLB_F32 && !json_object_get(trials(s, &s->shapes[0]), current(s)) &&
        !ocl_gemm_is_noted(s->results, passed_key, current(s)))
        return ocl_gemm_candidate(s->device, OCL_GEMM_CLBLAST);
    list(s, &first);
    return first;
}

int ocl_clblast_left(struct ocl_gemm_search *s)
{
    const struct ocl_gemm_candidate *first;
    return list(s, &first);
}

/* ---- trying one ---- */

/* The rates of what CLBlast was before mean nothing any more, here and at other products. */
static void keep(struct ocl_gemm_search *s, const struct ocl_gemm_candidate *set,
                 const double *rates)
{
    json_t *products = json_object_get(s->results, "products"), *product, *rate;
    const char *name;
    void *next;
    size_t i;
    json_array_foreach(products, i, product)
    {
        json_t *gflops = json_object_get(product, "gflops");
        json_object_foreach_safe(gflops, next, name, rate)
        {
            if (is_of_clblast(name)) json_object_del(gflops, name);
        }
    }
    for (int shape = 0; shape < s->count; shape++)
        json_object_set_new(ocl_gemm_rates(s->results, &s->shapes[shape], true), set->name,
                            json_real(rates[shape]));
    json_object_set_new(s->results, kept_key, json_string(set->name));
    s->device->clblast = set;
}

/* Written before it is tried: whoever dies of it does not try it again. */
static void pass_over(struct ocl_gemm_search *s, const char *name, bool so)
{
    json_t *passed = part(s->results, passed_key, true);
    if (so) {
        ocl_gemm_note(s->results, passed_key, name);
        ocl_gemm_save(&s->device->base.info, s->device->shape, s->all);
    } else
        json_array_remove(passed, json_array_size(passed) - 1);
}

enum clb_status ocl_clblast_try(struct ocl_gemm_search *s, const struct ocl_gemm_candidate *set)
{
    double best[OCL_GEMM_SHAPES], rates[OCL_GEMM_SHAPES];
    const double before = score(s, current(s));
    bool right = true;
    for (int i = 0; i < s->count; i++)
        best[i] = json_number_value(json_object_get(trials(s, &s->shapes[i]), current(s)));
    pass_over(s, set->name, true);
    const enum clb_status status = ocl_gemm_try(s, set, best, rates, &right);
    if (status == CLB_ERROR_MEMORY) return status;
    if (status != CLB_OK || !right) {
        base_warn("%s is passed over: %s", set->name,
                  status == CLB_OK ? "its results are wrong" : clb_error_message());
        return CLB_OK;
    }
    pass_over(s, set->name, false);
    for (int i = 0; i < s->count; i++)
        json_object_set_new(trials(s, &s->shapes[i]), set->name, json_real(rates[i]));
    if (set->parameters && score(s, set->name) > better * before) keep(s, set, rates);
    for (int i = 0; i < s->count && set == s->device->clblast; i++)
        s->best[i] = fmax(s->best[i], rates[i]);
    return CLB_OK;
}
