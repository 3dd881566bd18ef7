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

/* ---- tiles by name ---- */

struct ocl_gemm_tuned {
    struct ocl_gemm_tuned *next;
    struct ocl_gemm_candidate candidate;
    struct ocl_tile tile;
    struct ocl_clblast parameters;
    char name[OCL_CLBLAST_NAME];
};

/* What gemm.cl asks of MWG, NWG, KWG and KWI: every work-item brings whole float4. */
static bool can_be(const struct ocl_tile *t)
{
    if (t->m < 16 || t->n < 16 || t->k < 4 || t->kwi < 1 || t->m > 256 || t->n > 256 || t->k > 64 ||
        t->kwi > t->k || t->m % OCL_TILE_MWI || t->n % OCL_TILE_MWI || t->k % 4)
        return false;
    const int items = ocl_tile_items(t);
    return t->m * t->k / 4 % items == 0 && t->n * t->k / 4 % items == 0;
}

/* The tile of such a name, however written. */
static bool read_tile(const char *name, struct ocl_tile *t)
{
    *t = (struct ocl_tile){.place = OCL_LOCAL};
    return sscanf(name, "local %dx%dx%dx%d", &t->m, &t->n, &t->k, &t->kwi) == 4;
}

static void name_tile(const struct ocl_tile *t, char *name, size_t size)
{
    snprintf(name, size, "local %dx%dx%dx%d", t->m, t->n, t->k, t->kwi);
}

/* Of one kind or the other. */
static bool read_name(const struct ocl_device *device, struct ocl_gemm_tuned *tuned)
{
    char canonical[OCL_CLBLAST_NAME];
    if (ocl_clblast_read(tuned->name, &tuned->parameters)) {
        tuned->candidate = (struct ocl_gemm_candidate){.name = tuned->name,
                                                       .run = ocl_gemm_clblast,
                                                       .types = 1u << CLB_F32,
                                                       .parameters = &tuned->parameters};
        return ocl_clblast_fits(&tuned->parameters, &device->limits);
    }
    if (!read_tile(tuned->name, &tuned->tile) || !can_be(&tuned->tile)) return false;
    name_tile(&tuned->tile, canonical, sizeof canonical);
    tuned->tile.name = tuned->name;
    tuned->candidate = (struct ocl_gemm_candidate){.name = tuned->name,
                                                   .run = ocl_gemm_tile,
                                                   .tile = &tuned->tile,
                                                   .types = OCL_GEMM_ALL_TYPES};
    return strcmp(canonical, tuned->name) == 0;
}

const struct ocl_gemm_candidate *ocl_gemm_tuned(struct ocl_device *device, const char *name)
{
    for (struct ocl_gemm_tuned *t = device->tuned; t; t = t->next)
        if (strcmp(t->name, name) == 0) return &t->candidate;
    struct ocl_gemm_tuned *tuned = calloc(1, sizeof *tuned);
    if (!tuned) return NULL;
    snprintf(tuned->name, sizeof tuned->name, "%s", name);
    if (strcmp(tuned->name, name) != 0 || !read_name(device, tuned)) {
        free(tuned);
        return NULL;
    }
    tuned->next = device->tuned;
    device->tuned = tuned;
    return &tuned->candidate;
}

bool ocl_gemm_is_tuned(const struct ocl_gemm_candidate *candidate)
{
    struct ocl_tile tile;
    return candidate->parameters || read_tile(candidate->name, &tile);
}

void ocl_gemm_release_tuned(struct ocl_device *device)
{
    while (device->tuned) {
        struct ocl_gemm_tuned *next = device->tuned->next;
        free(device->tuned);
        device->tuned = next;
    }
}

/* ---- what is searched: the usual first ---- */

static const int sides[][2] = {{128, 128}, {64, 64},  {128, 64}, {64, 128}, {128, 256}, {256, 128},
                               {96, 96},   {96, 128}, {128, 96}, {64, 32},  {32, 64}};
static const int depths[][2] = {{16, 2}, {8, 2}, {8, 1},  {8, 4},  {16, 1}, {16, 4},
                                {16, 8}, {8, 8}, {12, 2}, {24, 2}, {32, 2}, {4, 4}};
enum {
    SIDES = sizeof sides / sizeof *sides,
    DEPTHS = sizeof depths / sizeof *depths,
    MOST_TILES = SIDES * DEPTHS,
};
/* One that is so far behind at its first products is not tried at the others. */
static const double behind = 1.5;

/* Those that the kernel can be, the device can hold and nobody has tried. */
static int list_tiles(struct ocl_gemm_search *s, const struct ocl_gemm_candidate *tiles[MOST_TILES])
{
    int count = 0;
    for (int i = 0; i < MOST_TILES; i++) {
        const int *side = sides[i % SIDES], *depth = depths[i / SIDES];
        const struct ocl_tile tile = {
            .m = side[0], .n = side[1], .k = depth[0], .kwi = depth[1], .place = OCL_LOCAL};
        char name[48];
        name_tile(&tile, name, sizeof name);
        const struct ocl_gemm_candidate *candidate = ocl_gemm_find(s->device, name);
        if (!candidate || ocl_gemm_is_noted(s->results, "wrong", name) ||
            json_object_get(ocl_gemm_rates(s->results, &s->shapes[0], false), name))
            continue;
        tiles[count++] = candidate;
    }
    return count;
}

enum clb_status ocl_gemm_try(struct ocl_gemm_search *s, const struct ocl_gemm_candidate *candidate,
                             const double *best, double *rates, bool *right)
{
    enum clb_status status;
    for (int i = 0; i < s->count; i++) rates[i] = 0.0;
    CLB_TRY(ocl_gemm_bench_check(s->bench, candidate, right));
    for (int i = 0; i < s->count && *right; i++) {
        const struct ocl_gemm_shape shape = ocl_gemm_shorten(s->shapes[i], s->best[i]);
        CLB_TRY(ocl_gemm_bench_spot_check(s->bench, candidate, &shape, right));
        if (!*right) break;
        CLB_TRY(ocl_gemm_bench_time(s->bench, candidate, &shape, best[i], &rates[i]));
        if (behind * rates[i] < best[i]) break;
    }
cleanup:
    return status;
}

/* One that cannot be compiled or launched is as good as wrong. */
static void try_tile(struct ocl_gemm_search *s, const struct ocl_gemm_candidate *tile)
{
    double rates[OCL_GEMM_SHAPES];
    bool right = true;
    if (ocl_gemm_try(s, tile, s->best, rates, &right) != CLB_OK || !right)
        ocl_gemm_note(s->results, "wrong", tile->name);
    for (int i = 0; i < s->count && rates[i] > 0.0; i++) {
        json_object_set_new(ocl_gemm_rates(s->results, &s->shapes[i], true), tile->name,
                            json_real(rates[i]));
        s->best[i] = fmax(s->best[i], rates[i]);
    }
}

/* Of all products, by the time that they take. */
static double mean_of(const double *rates, int count)
{
    double seconds = 0.0;
    for (int i = 0; i < count; i++) seconds += 1.0 / rates[i];
    return count / seconds;
}

/* Tiles and CLBlast's parameters take turns, as long as there are both. */
static enum clb_status search(struct ocl_gemm_search *s, const struct clb_tuning_options *options,
                              struct clb_tuning *result)
{
    const struct ocl_gemm_candidate *tiles[MOST_TILES];
    const int count = list_tiles(s, tiles);
    const double end = base_seconds() + options->seconds;
    int at = 0;
    enum clb_status status = CLB_OK;
    for (bool turn = false; base_seconds() < end && !(options->stop && *options->stop);
         turn = !turn) {
        const struct ocl_gemm_candidate *set = turn || at == count ? ocl_clblast_next(s) : NULL;
        if (!set && at == count) break;
        base_log_progress("%s: trying %s, %d tried, best %.4g GFLOP/s, %.0f s left",
                          s->device->base.info.selector, set ? set->name : tiles[at]->name,
                          result->tried, mean_of(s->best, s->count), end - base_seconds());
        if (set)
            CLB_TRY(ocl_clblast_try(s, set));
        else
            try_tile(s, tiles[at++]);
        result->tried++;
        if (base_json_starved()) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "tuning: out of memory"));
        ocl_gemm_save(&s->device->base.info, s->device->shape, s->all);
    }
    result->left = count - at + ocl_clblast_left(s);
cleanup:
    base_log_progress(NULL);
    return status;
}

/* ---- the whole ---- */

static double mean_rate(const struct ocl_gemm_choices *choices)
{
    double rates[OCL_GEMM_SHAPES];
    for (int i = 0; i < choices->count; i++) rates[i] = choices->of[i].gflops;
    return mean_of(rates, choices->count);
}

static enum clb_status choose_anew(struct ocl_gemm_search *s, double *rate)
{
    struct ocl_gemm_choices *choices = &s->device->gemm->choices[s->type];
    choices->count = 0;
    s->device->gemm->text[0] = 0;
    const enum clb_status status = ocl_gemm_choose(s->device, s->type);
    if (status == CLB_OK) *rate = mean_rate(choices);
    return status;
}

/* What there is to beat. */
static enum clb_status begin(struct ocl_gemm_search *s)
{
    const struct ocl_gemm_choices *choices = &s->device->gemm->choices[s->type];
    s->count = choices->count;
    for (int i = 0; i < s->count; i++) {
        s->shapes[i] = choices->of[i].shape;
        s->best[i] = choices->of[i].gflops;
    }
    s->all = ocl_gemm_load(&s->device->base.info, s->device->shape);
    s->results = ocl_gemm_results(s->all, s->type);
    if (!s->results) return clb_fail(CLB_ERROR_MEMORY, "tuning: out of memory");
    return ocl_gemm_bench_open(s->device, s->type, &s->bench);
}

enum clb_status ocl_gemm_tune(struct clb_device *base, const struct clb_tuning_options *options,
                              struct clb_tuning *result)
{
    struct ocl_gemm_search s = {.device = ocl_device(base), .type = options->operands};
    const struct ocl_gemm_candidate *forced;
    const struct ocl_gemm_choices *choices = &s.device->gemm->choices[s.type];
    enum clb_status status;
    CLB_TRY(ocl_gemm_forced(&forced));
    if (forced) CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "CLBERT_GEMM is set: nothing is chosen"));
    if (s.device->shape->wide && s.type != CLB_F32)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "%s (%s): its kernels use no local memory, whose tiles are tuned, and "
                         "CLBlast multiplies fp32 alone; what there is for %s is measured at the "
                         "first use",
                         base->info.selector, base->info.name, clb_type_name(s.type)));
    CLB_TRY(choose_anew(&s, &result->before));
    CLB_TRY(begin(&s));
    CLB_TRY(search(&s, options, result));
    CLB_TRY(choose_anew(&s, &result->after));
    result->products = choices->count;
    if (s.device->clblast)
        snprintf(result->clblast, sizeof result->clblast, "%s", s.device->clblast->name);
    result->passed_over = (int)json_array_size(json_object_get(s.results, "passed over"));
    for (int i = 0; i < choices->count; i++)
        result->faster += ocl_gemm_is_tuned(choices->of[i].candidate);
cleanup:
    ocl_gemm_bench_close(s.bench);
    json_decref(s.all);
    return status;
}
