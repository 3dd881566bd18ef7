/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "compute/opencl/ocl_gemm.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- candidates ---- */

const char *const ocl_gemm_kind_names[OCL_GEMM_KINDS] = {"nt", "nn", "tn"};

const struct ocl_gemm_candidate ocl_gemm_candidates[OCL_GEMM_CANDIDATES] = {
#define REDUCED (1u << CLB_BF16 | 1u << CLB_F16)
#define ALL (1u << CLB_F32 | REDUCED)
#define ENGINE(id, name, has)                                                                      \
    {name " 128x128", ocl_gemm_tile, &ocl_tiles[OCL_TILE_##id##_128X128], REDUCED, has},           \
    {                                                                                              \
        name " 64x64", ocl_gemm_tile, &ocl_tiles[OCL_TILE_##id##_64X64], REDUCED, has              \
    }
    {"tile 14x32", ocl_gemm_tile, &ocl_tiles[OCL_TILE_14X32], ALL, NULL},
    {"tile 6x16", ocl_gemm_tile, &ocl_tiles[OCL_TILE_6X16], ALL, NULL},
    {"clblast", ocl_gemm_clblast, NULL, 1u << CLB_F32, NULL},
    {"local 128x128", ocl_gemm_tile, &ocl_tiles[OCL_TILE_LOCAL_128X128], ALL, NULL},
    {"local 64x64", ocl_gemm_tile, &ocl_tiles[OCL_TILE_LOCAL_64X64], ALL, NULL},
    ENGINE(MMA, "mma", ocl_has_mma),
    ENGINE(MFMA, "mfma", ocl_has_mfma),
    ENGINE(WMMA, "wmma", ocl_has_wmma),
    ENGINE(DPAS16, "dpas16", ocl_has_dpas16),
    ENGINE(DPAS8, "dpas8", ocl_has_dpas8),
};

/* Register tiles mean a CPU's vector registers, local memory means a GPU's: neither is worth
 * compiling for the other. */
bool ocl_gemm_worth_trying(const struct ocl_shape *shape, int i)
{
    const struct ocl_tile *tile = ocl_gemm_candidates[i].tile;
    return !tile || (!tile->engine && shape->wide == (tile->place == OCL_REGISTERS));
}

const struct ocl_gemm_candidate *ocl_gemm_find(const struct ocl_shape *shape, const char *name)
{
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
        if (strcmp(name, ocl_gemm_candidates[i].name) == 0 && ocl_gemm_worth_trying(shape, i))
            return &ocl_gemm_candidates[i];
    return NULL;
}

const struct ocl_gemm_candidate *ocl_gemm_portable(const struct ocl_shape *shape)
{
    int i = 0;
    while (!ocl_gemm_candidates[i].tile || !ocl_gemm_worth_trying(shape, i)) i++;
    return &ocl_gemm_candidates[i];
}

/* ---- choosing ---- */

__attribute__((format(printf, 2, 3))) static void append(struct ocl_gemm *gemm, const char *format,
                                                         ...)
{
    size_t length = strlen(gemm->text);
    va_list args;
    va_start(args, format);
    vsnprintf(gemm->text + length, sizeof gemm->text - length, format, args);
    va_end(args);
}

static bool is_right(const struct ocl_shape *shape, const struct ocl_gemm_table *table, int i)
{
    return ocl_gemm_worth_trying(shape, i) && !table->results[i].wrong && !table->results[i].failed;
}

static void append_kind(struct ocl_gemm *gemm, const struct ocl_shape *shape,
                        const struct ocl_gemm_table *table, int kind)
{
    const int best = (int)(gemm->chosen[kind] - ocl_gemm_candidates);
    append(gemm, "%s (%.3g GFLOP/s", gemm->chosen[kind]->name, table->results[best].gflops[kind]);
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
        if (i != best && is_right(shape, table, i))
            append(gemm, "; %s %.3g", ocl_gemm_candidates[i].name, table->results[i].gflops[kind]);
    append(gemm, ")");
}

/* "tile 14x32 (412 GFLOP/s; clblast 31)", by kind where they differ. */
static void describe(struct ocl_gemm *gemm, const struct ocl_shape *shape,
                     const struct ocl_gemm_table *table)
{
    bool same = true;
    for (int kind = 1; kind < OCL_GEMM_KINDS; kind++) same &= gemm->chosen[kind] == gemm->chosen[0];
    for (int kind = 0; kind < (same ? 1 : OCL_GEMM_KINDS); kind++) {
        if (!same) append(gemm, "%s%s ", kind ? ", " : "", ocl_gemm_kind_names[kind]);
        append_kind(gemm, shape, table, kind);
    }
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
        if (ocl_gemm_worth_trying(shape, i) && !is_right(shape, table, i))
            append(gemm, "; %s %s here", ocl_gemm_candidates[i].name,
                   table->results[i].wrong ? "is wrong" : "failed");
}

bool ocl_gemm_take(struct ocl_gemm *gemm, const struct ocl_shape *shape,
                   const struct ocl_gemm_table *table)
{
    *gemm = (struct ocl_gemm){.text = ""};
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) {
        double best = 0.0;
        for (int i = 0; i < OCL_GEMM_CANDIDATES; i++) {
            const double gflops = table->results[i].gflops[kind];
            if (!is_right(shape, table, i) || gflops <= best) continue;
            best = gflops;
            gemm->chosen[kind] = &ocl_gemm_candidates[i];
        }
        if (!gemm->chosen[kind]) return false;
    }
    describe(gemm, shape, table);
    return true;
}

/* ---- on disk: {"tile 14x32": {"wrong": false, "gflops": [412, 388, 371]}, ...} ---- */

static char *path_of(const struct clb_device_info *info, const struct ocl_shape *shape)
{
    char key[OCL_OPTIONS_SIZE];
    ocl_shape_options(shape, key);
    return ocl_cache_path(info, "products", key, strlen(key));
}

static bool read_result(const json_t *json, struct ocl_gemm_result *result)
{
    const json_t *wrong = json_object_get(json, "wrong"), *gflops = json_object_get(json, "gflops");
    if (!json_is_boolean(wrong) || json_array_size(gflops) != OCL_GEMM_KINDS) return false;
    result->wrong = json_is_true(wrong);
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) {
        const json_t *number = json_array_get(gflops, (size_t)kind);
        if (!json_is_number(number)) return false;
        result->gflops[kind] = json_number_value(number);
    }
    return true;
}

static bool take_table(const char *bytes, size_t size, const struct ocl_shape *shape,
                       struct ocl_gemm *gemm)
{
    struct ocl_gemm_table table = {.results = {{.wrong = false}}};
    json_t *json = json_loadb(bytes, size, 0, NULL);
    bool good = json != NULL;
    for (int i = 0; i < OCL_GEMM_CANDIDATES && good; i++)
        if (ocl_gemm_worth_trying(shape, i))
            good =
                read_result(json_object_get(json, ocl_gemm_candidates[i].name), &table.results[i]);
    json_decref(json);
    return good && ocl_gemm_take(gemm, shape, &table);
}

/* A file that is no table of these candidates is deleted. */
bool ocl_gemm_load(const struct clb_device_info *info, const struct ocl_shape *shape,
                   struct ocl_gemm *gemm)
{
    size_t size = 0;
    char *path = path_of(info, shape), *bytes = ocl_cache_read(path, &size);
    const bool good = bytes && take_table(bytes, size, shape, gemm);
    if (bytes && !good) unlink(path);
    free(bytes);
    free(path);
    return good;
}

void ocl_gemm_save(const struct clb_device_info *info, const struct ocl_shape *shape,
                   const struct ocl_gemm_table *table)
{
    char *path = path_of(info, shape), *text;
    json_t *json = json_object();
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++) {
        const struct ocl_gemm_result *r = &table->results[i];
        if (ocl_gemm_worth_trying(shape, i))
            json_object_set_new(json, ocl_gemm_candidates[i].name,
                                json_pack("{s:b, s:[f, f, f]}", "wrong", r->wrong, "gflops",
                                          r->gflops[0], r->gflops[1], r->gflops[2]));
    }
    text = json_dumps(json, 0);
    if (path && text) ocl_cache_write(path, text, strlen(text));
    free(text);
    json_decref(json);
    free(path);
}
