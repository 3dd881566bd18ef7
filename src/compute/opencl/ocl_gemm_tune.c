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
    char name[48];
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

const struct ocl_gemm_candidate *ocl_gemm_tuned(struct ocl_device *device, const char *name)
{
    struct ocl_tile tile;
    char canonical[48];
    for (struct ocl_gemm_tuned *t = device->tuned; t; t = t->next)
        if (strcmp(t->name, name) == 0) return &t->candidate;
    if (!read_tile(name, &tile) || !can_be(&tile)) return NULL;
    name_tile(&tile, canonical, sizeof canonical);
    struct ocl_gemm_tuned *tuned = strcmp(canonical, name) == 0 ? calloc(1, sizeof *tuned) : NULL;
    if (!tuned) return NULL;
    memcpy(tuned->name, canonical, sizeof canonical);
    tile.name = tuned->name;
    tuned->tile = tile;
    tuned->candidate = (struct ocl_gemm_candidate){
        .name = tuned->name,
        .run = ocl_gemm_tile,
        .tile = &tuned->tile,
        .types = OCL_GEMM_ALL_TYPES,
    };
    tuned->next = device->tuned;
    device->tuned = tuned;
    return &tuned->candidate;
}

bool ocl_gemm_is_tuned(const struct ocl_gemm_candidate *candidate)
{
    struct ocl_tile tile;
    return read_tile(candidate->name, &tile);
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

struct search {
    struct ocl_device *device;
    enum clb_type type;
    struct ocl_gemm_bench *bench;
    json_t *all, *results;
    struct ocl_gemm_shape shapes[OCL_GEMM_SHAPES];
    double best[OCL_GEMM_SHAPES]; /* GFLOP/s */
    int count;
};

/* Those that the kernel can be, the device can hold and nobody has tried. */
static int list_tiles(struct search *s, const struct ocl_gemm_candidate *tiles[MOST_TILES])
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

static enum clb_status try_tile(struct search *s, const struct ocl_gemm_candidate *tile,
                                bool *right)
{
    enum clb_status status;
    CLB_TRY(ocl_gemm_bench_check(s->bench, tile, right));
    for (int i = 0; i < s->count && *right; i++) {
        const struct ocl_gemm_shape shape = ocl_gemm_shorten(s->shapes[i], s->best[i]);
        double gflops;
        CLB_TRY(ocl_gemm_bench_spot_check(s->bench, tile, &shape, right));
        if (!*right) break;
        CLB_TRY(ocl_gemm_bench_time(s->bench, tile, &shape, s->best[i], &gflops));
        json_object_set_new(ocl_gemm_rates(s->results, &s->shapes[i], true), tile->name,
                            json_real(gflops));
        if (behind * gflops < s->best[i]) break;
        s->best[i] = fmax(s->best[i], gflops);
    }
cleanup:
    return status;
}

/* One that cannot be compiled or launched is as good as wrong. */
static enum clb_status search(struct search *s, const struct clb_tuning_options *options,
                              struct clb_tuning *result)
{
    const struct ocl_gemm_candidate *tiles[MOST_TILES];
    const int count = list_tiles(s, tiles);
    const double begin = base_seconds();
    enum clb_status status = CLB_OK;
    while (result->tried < count && base_seconds() - begin < options->seconds &&
           !(options->stop && *options->stop)) {
        const struct ocl_gemm_candidate *tile = tiles[result->tried++];
        bool right = true;
        base_log_progress("%s: %s, %d of %d, %.0f s", s->device->base.info.selector, tile->name,
                          result->tried, count, base_seconds() - begin);
        if (try_tile(s, tile, &right) != CLB_OK || !right)
            ocl_gemm_note(s->results, "wrong", tile->name);
        if (base_json_starved()) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "tuning: out of memory"));
        ocl_gemm_save(&s->device->base.info, s->device->shape, s->all);
    }
    result->left = count - result->tried;
cleanup:
    base_log_progress(NULL);
    return status;
}

/* ---- the whole ---- */

/* Of all products, by the time that they take. */
static double mean_rate(const struct ocl_gemm_choices *choices)
{
    double seconds = 0.0;
    for (int i = 0; i < choices->count; i++) seconds += 1.0 / choices->of[i].gflops;
    return choices->count / seconds;
}

static enum clb_status choose_anew(struct search *s, double *rate)
{
    struct ocl_gemm_choices *choices = &s->device->gemm->choices[s->type];
    choices->count = 0;
    s->device->gemm->text[0] = 0;
    const enum clb_status status = ocl_gemm_choose(s->device, s->type);
    if (status == CLB_OK) *rate = mean_rate(choices);
    return status;
}

/* What there is to beat. */
static enum clb_status begin(struct search *s)
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
    struct search s = {.device = ocl_device(base), .type = options->operands};
    const struct ocl_gemm_candidate *forced;
    const struct ocl_gemm_choices *choices = &s.device->gemm->choices[s.type];
    enum clb_status status;
    CLB_TRY(ocl_gemm_forced(&forced));
    if (forced) CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "CLBERT_GEMM is set: nothing is chosen"));
    if (s.device->shape->wide)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "%s (%s): its kernels use no local memory, whose tiles are tuned; what "
                         "there is for it is measured at the first use",
                         base->info.selector, base->info.name));
    CLB_TRY(choose_anew(&s, &result->before));
    CLB_TRY(begin(&s));
    CLB_TRY(search(&s, options, result));
    CLB_TRY(choose_anew(&s, &result->after));
    result->products = choices->count;
    for (int i = 0; i < choices->count; i++)
        result->faster += ocl_gemm_is_tuned(choices->of[i].candidate);
cleanup:
    ocl_gemm_bench_close(s.bench);
    json_decref(s.all);
    return status;
}
