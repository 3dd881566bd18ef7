/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "compute/opencl/ocl_gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- candidates ---- */

const char *const ocl_gemm_kind_names[OCL_GEMM_KINDS] = {"nt", "nn", "tn"};

#define TILE(id, name, forced)                                                                     \
    {                                                                                              \
        name, forced, ocl_gemm_tile, &ocl_tiles[OCL_TILE_##id], OCL_GEMM_ALL_TYPES, NULL           \
    }
#define ENGINE(id, name, types)                                                                    \
    {                                                                                              \
        name, name, ocl_gemm_tile, &ocl_tiles[OCL_TILE_##id], types, NULL                          \
    }

const struct ocl_gemm_candidate ocl_gemm_candidates[OCL_GEMM_CANDIDATES] = {
    {"clblast", "clblast", ocl_gemm_clblast, NULL, 1u << CLB_F32, NULL},
    TILE(14X32, "tile 14x32", "tile"),
    TILE(6X16, "tile 6x16", "tile6x16"),
    TILE(LOCAL_128X128, "local 128x128", "local"),
    TILE(LOCAL_64X64, "local 64x64", "local64"),
    ENGINE(MMA_128X128, "mma 128x128", OCL_GEMM_REDUCED | 1u << CLB_TF32),
    ENGINE(MMA_64X64, "mma 64x64", OCL_GEMM_REDUCED | 1u << CLB_TF32),
    ENGINE(MFMA_128X128, "mfma 128x128", OCL_GEMM_REDUCED),
    ENGINE(MFMA_64X64, "mfma 64x64", OCL_GEMM_REDUCED),
    ENGINE(WMMA_128X128, "wmma 128x128", OCL_GEMM_REDUCED),
    ENGINE(WMMA_64X64, "wmma 64x64", OCL_GEMM_REDUCED),
    ENGINE(DPAS16_128X128, "dpas16 128x128", OCL_GEMM_REDUCED),
    ENGINE(DPAS16_64X64, "dpas16 64x64", OCL_GEMM_REDUCED),
    ENGINE(DPAS8_128X128, "dpas8 128x128", OCL_GEMM_REDUCED),
    ENGINE(DPAS8_64X64, "dpas8 64x64", OCL_GEMM_REDUCED),
};

/* Whether a work-group may be as large, and have as much local memory. */
static bool fits(const struct ocl_device *device, const struct ocl_tile *tile)
{
    return !tile || tile->place == OCL_REGISTERS ||
           (ocl_tile_items(tile) <= device->limits.items &&
            ocl_tile_local_bytes(tile) <= device->limits.local_bytes);
}

/* Register tiles mean a CPU's vector registers, local memory means a GPU's: neither is worth
 * compiling for the other. */
static bool is_worth_trying(const struct ocl_device *device,
                            const struct ocl_gemm_candidate *candidate)
{
    const struct ocl_tile *tile = candidate->tile;
    return !tile || (device->shape->wide == (tile->place == OCL_REGISTERS) && fits(device, tile) &&
                     ocl_has_engine(device, tile->engine));
}

bool ocl_gemm_takes(const struct ocl_device *device, const struct ocl_gemm_candidate *candidate,
                    enum clb_type type)
{
    return candidate->types >> type & 1 && is_worth_trying(device, candidate);
}

const struct ocl_gemm_candidate *ocl_gemm_candidate(const struct ocl_device *device, int i)
{
    const struct ocl_gemm_candidate *candidate = &ocl_gemm_candidates[i];
    return candidate->run == ocl_gemm_clblast && device->clblast ? device->clblast : candidate;
}

const struct ocl_gemm_candidate *ocl_gemm_find(struct ocl_device *device, const char *name)
{
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
        if (strcmp(name, ocl_gemm_candidates[i].name) == 0 &&
            is_worth_trying(device, &ocl_gemm_candidates[i]))
            return &ocl_gemm_candidates[i];
    const struct ocl_gemm_candidate *tuned = ocl_gemm_tuned(device, name);
    return tuned && is_worth_trying(device, tuned) ? tuned : NULL;
}

const struct ocl_gemm_candidate *ocl_gemm_for_type(const struct ocl_device *device,
                                                   const struct ocl_gemm_candidate *wanted,
                                                   enum clb_type type)
{
    if (wanted->types >> type & 1 && fits(device, wanted->tile)) return wanted;
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
        if (ocl_gemm_candidates[i].tile && ocl_gemm_takes(device, &ocl_gemm_candidates[i], type))
            return &ocl_gemm_candidates[i];
    return wanted;
}

enum clb_status ocl_gemm_forced(const struct ocl_gemm_candidate **candidate)
{
    const char *value = getenv("CLBERT_GEMM");
    char names[320] = "";
    *candidate = NULL;
    if (!value || !*value) return CLB_OK;
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++) {
        const char *word = ocl_gemm_candidates[i].forced;
        if (strcmp(value, word) == 0) *candidate = &ocl_gemm_candidates[i];
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", word);
    }
    if (*candidate) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "CLBERT_GEMM=%s is unknown; there are: %s", value, names);
}

/* ---- choices ---- */

void ocl_gemm_choose_for_all(struct ocl_gemm_choices *choices, enum ocl_gemm_kind kind,
                             const struct ocl_gemm_candidate *candidate)
{
    choices->of[choices->count++] =
        (struct ocl_gemm_choice){.shape = {.kind = kind}, .candidate = candidate};
}

/* By how many times the sides differ, as a sum of logarithms; another kind is farther than any. */
static double distance(const struct ocl_gemm_shape *a, const struct ocl_gemm_shape *b)
{
    const double kinds = a->kind == b->kind ? 0.0 : 1000.0;
    if (a->m == 0) return kinds;
    return kinds + fabs(log2((double)a->m / (double)b->m)) +
           fabs(log2((double)a->n / (double)b->n)) + fabs(log2((double)a->k / (double)b->k));
}

const struct ocl_gemm_candidate *ocl_gemm_nearest(const struct ocl_gemm_choices *choices,
                                                  const struct ocl_gemm_shape *shape)
{
    const struct ocl_gemm_candidate *nearest = NULL;
    double least = INFINITY;
    for (int i = 0; i < choices->count; i++) {
        const double d = distance(&choices->of[i].shape, shape);
        if (d >= least) continue;
        least = d;
        nearest = choices->of[i].candidate;
    }
    return nearest;
}

/* Every candidate that could be chosen now has a rate, or the shape was beyond the budget. */
static bool is_complete(const struct ocl_device *device, enum clb_type type, const json_t *results,
                        const json_t *rates)
{
    if (rates && json_object_size(rates) == 0) return true;
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++) {
        const struct ocl_gemm_candidate *candidate = ocl_gemm_candidate(device, i);
        const char *name = candidate->name;
        if (ocl_gemm_takes(device, candidate, type) && !ocl_gemm_is_noted(results, "wrong", name) &&
            !json_object_get(rates, name))
            return false;
    }
    return rates != NULL;
}

/* The fastest at each shape that was measured. */
static void take_fastest(struct ocl_device *device, enum clb_type type, json_t *results,
                         const struct ocl_gemm_shape *shapes, int count,
                         struct ocl_gemm_choices *choices)
{
    choices->count = 0;
    for (int i = 0; i < count; i++) {
        struct ocl_gemm_choice choice = {.shape = shapes[i]};
        const char *name;
        json_t *rate;
        json_object_foreach(ocl_gemm_rates(results, &shapes[i], false), name, rate)
        {
            const struct ocl_gemm_candidate *candidate = ocl_gemm_find(device, name);
            if (!candidate || !ocl_gemm_takes(device, candidate, type) ||
                (candidate->run == ocl_gemm_clblast &&
                 candidate != ocl_gemm_candidate(device, OCL_GEMM_CLBLAST)) ||
                ocl_gemm_is_noted(results, "wrong", name) ||
                ocl_gemm_is_noted(results, "failed", name) ||
                json_number_value(rate) <= choice.gflops)
                continue;
            choice.candidate = candidate;
            choice.gflops = json_number_value(rate);
        }
        if (choice.candidate) choices->of[choices->count++] = choice;
    }
}

static void describe(struct ocl_gemm *gemm, enum clb_type type, const json_t *results)
{
    ocl_gemm_append_choices(gemm->text, sizeof gemm->text, type, &gemm->choices[type], results);
}

/* ---- making them ---- */

static enum clb_status measure(struct ocl_device *device, enum clb_type type,
                               const struct ocl_gemm_shape *shapes, int count, json_t *all)
{
    const struct clb_device_info *info = &device->base.info;
    json_t *results = ocl_gemm_results(all, type);
    const double begin = base_seconds();
    bool failed = false;
    enum clb_status status;
    base_log("%s (%s): measuring matrix products of %s, once for this device, driver and model; "
             "with the compiling of kernels it may take a minute",
             info->selector, info->name, clb_type_name(type));
    CLB_TRY(ocl_gemm_measure(device, type, shapes, count, results, &failed));
    if (base_json_starved()) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "products: out of memory"));
    if (!failed) ocl_gemm_save(info, device->shape, all);
    if (base_seconds() - begin > 3.0)
        base_log("%s: measured in %.0f s", info->selector, base_seconds() - begin);
cleanup:
    return status;
}

/* Takes what was measured before, and measures the rest. */
static enum clb_status choose_fastest(struct ocl_device *device, enum clb_type type)
{
    const struct clb_device_info *info = &device->base.info;
    struct ocl_gemm_choices *choices = &device->gemm->choices[type];
    struct ocl_gemm_shape shapes[OCL_GEMM_SHAPES], missing[OCL_GEMM_SHAPES];
    const int count = ocl_gemm_shapes(device, type, shapes);
    json_t *all = ocl_gemm_load(info, device->shape);
    json_t *results = ocl_gemm_results(all, type);
    int missing_count = 0;
    enum clb_status status = CLB_OK;
    if (!results) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "products: out of memory"));
    if (type == CLB_F32) ocl_clblast_take_kept(device, all);
    for (int i = 0; i < count; i++)
        if (!is_complete(device, type, results, ocl_gemm_rates(results, &shapes[i], false)))
            missing[missing_count++] = shapes[i];
    if (missing_count > 0) CLB_TRY(measure(device, type, missing, missing_count, all));
    take_fastest(device, type, results, shapes, count, choices);
    if (choices->count == 0)
        CLB_TRY(clb_fail(
            CLB_ERROR_DEVICE,
            "%s (%s): no way to multiply matrices of %s %s here; use another device or driver",
            info->selector, info->name, clb_type_name(type),
            json_array_size(json_object_get(results, "failed")) > 0 ? "works"
                                                                    : "gives right results"));
    describe(device->gemm, type, results);
    for (int i = 0; i < choices->count; i++)
        if (ocl_gemm_is_tuned(choices->of[i].candidate)) {
            base_log("%s: matrix products of %s as clbert tune found them", info->selector,
                     clb_type_name(type));
            break;
        }
cleanup:
    json_decref(all);
    return status;
}

/* That which fp32 has, as CLBERT_GEMM and old records mean it. */
static void choose_by(struct ocl_device *device, enum clb_type type,
                      const struct ocl_gemm_candidate *const wanted[OCL_GEMM_KINDS],
                      const char *how)
{
    struct ocl_gemm_choices *choices = &device->gemm->choices[type];
    choices->count = 0;
    choices->how = how;
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++)
        ocl_gemm_choose_for_all(choices, (enum ocl_gemm_kind)kind,
                                ocl_gemm_for_type(device, wanted[kind], type));
    describe(device->gemm, type, NULL);
}

enum clb_status ocl_gemm_choose(struct ocl_device *device, enum clb_type type)
{
    const struct ocl_gemm *gemm = device->gemm;
    const struct ocl_gemm_candidate *wanted[OCL_GEMM_KINDS];
    enum clb_status status = ocl_gemm_forced(&wanted[0]);
    if (status != CLB_OK) return status;
    wanted[1] = wanted[2] = wanted[0];
    if (gemm->for_all_types)
        for (int kind = 0; kind < OCL_GEMM_KINDS; kind++)
            wanted[kind] =
                ocl_gemm_nearest(&gemm->choices[CLB_F32],
                                 &(struct ocl_gemm_shape){.kind = (enum ocl_gemm_kind)kind});
    if (!wanted[0]) return choose_fastest(device, type);
    if (!gemm->for_all_types && wanted[0]->run == ocl_gemm_clblast) {
        json_t *all = ocl_gemm_load(&device->base.info, device->shape);
        ocl_clblast_take_kept(device, all);
        json_decref(all);
        for (int kind = 0; kind < OCL_GEMM_KINDS; kind++)
            wanted[kind] = ocl_gemm_candidate(device, OCL_GEMM_CLBLAST);
    }
    choose_by(device, type, wanted, gemm->for_all_types ? " (as recorded)" : " (by CLBERT_GEMM)");
    return CLB_OK;
}
