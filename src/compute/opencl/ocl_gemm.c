/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_gemm.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"

#include <clblast_c.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ocl_gemm {
    const struct ocl_gemm_candidate *chosen[OCL_GEMM_KINDS];
    char text[192]; /* info.gemm */
};

static const char *const kind_names[OCL_GEMM_KINDS] = {"nt", "nn", "tn"};

static const struct ocl_gemm_candidate candidates[] = {
    {"tile 14x32", ocl_gemm_tile_14x32},
    {"tile 6x16", ocl_gemm_tile_6x16},
    {"clblast", ocl_gemm_clblast},
    {"local 64x64", ocl_gemm_local},
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates, TURNS = 3 };

/* Register tiles mean a CPU's vector registers, local memory means a GPU's: neither is worth
 * compiling for the other. */
static bool worth_trying(const struct ocl_device *device, int i)
{
    if (candidates[i].run == ocl_gemm_clblast) return true;
    return device->shape.wide == (candidates[i].run != ocl_gemm_local);
}

static const struct ocl_gemm_candidate *find(const char *name)
{
    for (int i = 0; i < CANDIDATES; i++)
        if (name && strcmp(name, candidates[i].name) == 0) return &candidates[i];
    return NULL;
}

/* ---- on disk ---- */

static char *choice_path(const struct clb_device_info *info)
{
    return ocl_cache_path(info, "gemm", NULL, 0, ".json");
}

/* A file that is missing, broken or of other candidates is as if it were not there. */
static bool load(const struct clb_device_info *info, struct ocl_gemm *gemm)
{
    char *path = choice_path(info);
    json_t *json = NULL;
    bool found =
        path && base_exists(path) && base_json_read(path, "choice of product", &json) == CLB_OK;
    const char *text = found ? json_string_value(json_object_get(json, "text")) : NULL;
    found = text != NULL;
    for (int kind = 0; kind < OCL_GEMM_KINDS && found; kind++) {
        gemm->chosen[kind] = find(json_string_value(json_object_get(json, kind_names[kind])));
        found = gemm->chosen[kind] != NULL;
    }
    if (found) snprintf(gemm->text, sizeof gemm->text, "%s", text);
    json_decref(json);
    free(path);
    return found;
}

static void save(const struct clb_device_info *info, const struct ocl_gemm *gemm)
{
    char *path = choice_path(info);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "device", info->name, "driver", info->driver,
                             "clbert", clb_version(), "text", gemm->text);
    for (int kind = 0; kind < OCL_GEMM_KINDS && json; kind++)
        json_object_set_new(json, kind_names[kind], json_string(gemm->chosen[kind]->name));
    if (path && json) (void)base_json_write(path, json); /* a cache: no error */
    json_decref(json);
    free(path);
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

/* "tile 14x32 (412 GFLOP/s; clblast 31)", by kind where they differ. */
static void describe_results(struct ocl_gemm *gemm, const struct ocl_gemm_result *results,
                             const bool *tried)
{
    bool same = true;
    for (int kind = 1; kind < OCL_GEMM_KINDS; kind++) same &= gemm->chosen[kind] == gemm->chosen[0];
    for (int kind = 0; kind < (same ? 1 : OCL_GEMM_KINDS); kind++) {
        const int best = (int)(gemm->chosen[kind] - candidates);
        append(gemm, "%s%s%s%s (%.3g GFLOP/s", kind ? ", " : "", same ? "" : kind_names[kind],
               same ? "" : " ", candidates[best].name, results[best].gflops[kind]);
        for (int i = 0; i < CANDIDATES; i++)
            if (tried[i] && i != best && !results[i].wrong)
                append(gemm, "; %s %.3g", candidates[i].name, results[i].gflops[kind]);
        append(gemm, ")");
    }
    for (int i = 0; i < CANDIDATES; i++)
        if (tried[i] && results[i].wrong) append(gemm, "; %s is wrong here", candidates[i].name);
}

/* Measures candidate i once more; its best counts. One that fails or is wrong once stays wrong. */
static enum clb_status measure_candidate(struct ocl_device *device, int i,
                                         struct ocl_gemm_result *result)
{
    struct ocl_gemm_result now;
    base_log_progress("%s: measuring matrix products: %s", device->base.info.selector,
                      candidates[i].name);
    enum clb_status status = ocl_gemm_measure(device, &candidates[i], &now);
    if (status == CLB_ERROR_MEMORY) return status;
    result->wrong |= status != CLB_OK || now.wrong;
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++)
        result->gflops[kind] = fmax(result->gflops[kind], now.gflops[kind]);
    return CLB_OK;
}

static void take_fastest(struct ocl_gemm *gemm, const struct ocl_gemm_result *results,
                         const bool *tried)
{
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) {
        double best = 0.0;
        for (int i = 0; i < CANDIDATES; i++) {
            if (!tried[i] || results[i].wrong || results[i].gflops[kind] <= best) continue;
            best = results[i].gflops[kind];
            gemm->chosen[kind] = &candidates[i];
        }
    }
}

/* What else runs on the machine disturbs for seconds at a time: the candidates take turns. */
static enum clb_status measure(struct ocl_device *device, struct ocl_gemm *gemm)
{
    struct ocl_gemm_result results[CANDIDATES] = {{.wrong = false}};
    bool tried[CANDIDATES] = {false};
    enum clb_status status = CLB_OK;
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < CANDIDATES; i++) {
            tried[i] = worth_trying(device, i);
            if (tried[i] && !results[i].wrong) CLB_TRY(measure_candidate(device, i, &results[i]));
        }
    take_fastest(gemm, results, tried);
    if (!gemm->chosen[0])
        CLB_TRY(clb_fail(CLB_ERROR_DEVICE,
                         "%s (%s): no way to multiply matrices gives right results here; use "
                         "another device or driver",
                         device->base.info.selector, device->base.info.name));
    describe_results(gemm, results, tried);
cleanup:
    base_log_progress(NULL);
    return status;
}

static const struct ocl_gemm_candidate *forced(void)
{
    const char *name = getenv("CLBERT_GEMM");
    if (!name) return NULL;
    if (strcmp(name, "tile") == 0) return find("tile 14x32");
    if (strcmp(name, "tile6x16") == 0) return find("tile 6x16");
    if (strcmp(name, "local") == 0) return find("local 64x64");
    return find(name);
}

static enum clb_status choose(struct ocl_device *device)
{
    struct ocl_gemm *gemm = calloc(1, sizeof *gemm);
    const struct ocl_gemm_candidate *only = forced();
    enum clb_status status = CLB_OK;
    if (!gemm) return clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
    if (!only && getenv("CLBERT_GEMM") && *getenv("CLBERT_GEMM"))
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "CLBERT_GEMM=%s is unknown; there are: clblast, tile, "
                         "tile6x16, local",
                         getenv("CLBERT_GEMM")));
    if (only) {
        for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) gemm->chosen[kind] = only;
        append(gemm, "%s (by CLBERT_GEMM)", only->name);
    } else if (!load(&device->base.info, gemm)) {
        memset(gemm, 0, sizeof *gemm);
        CLB_TRY(measure(device, gemm));
        save(&device->base.info, gemm);
    }
    device->gemm = gemm;
    return CLB_OK;
cleanup:
    free(gemm);
    return status;
}

enum clb_status ocl_gemm(struct ocl_device *device, enum ocl_gemm_kind kind, int64_t m, int64_t n,
                         int64_t k, void *a, void *b, void *c, bool accumulate)
{
    const struct ocl_product product = {kind, m, n, k, a, b, c, accumulate};
    if (m == 0 || n == 0 || (k == 0 && accumulate)) return CLB_OK;
    if (k == 0) {
        const struct clb_tensor zeros = {.memory = c, .rows = m, .columns = n};
        return ocl_fill(&device->base, &zeros, 0.0f);
    }
    if (!device->gemm) {
        enum clb_status status = choose(device);
        if (status != CLB_OK) return status;
    }
    return device->gemm->chosen[kind]->run(device, &product);
}

/* ---- describing and closing ---- */

void ocl_gemm_describe(struct clb_device *base)
{
    struct ocl_device *device = ocl_device(base);
    if (device->gemm)
        memcpy(base->info.gemm, device->gemm->text, sizeof base->info.gemm);
    else
        ocl_gemm_describe_cached(&base->info);
}

void ocl_gemm_describe_cached(struct clb_device_info *info)
{
    struct ocl_gemm gemm = {.text = ""};
    if (load(info, &gemm)) memcpy(info->gemm, gemm.text, sizeof info->gemm);
}

/* CLBlast keeps programs of every context it has seen; they must go before the context does. */
void ocl_gemm_close(struct ocl_device *device)
{
    if (device->context) CLBlastClearCache();
    free(device->gemm);
}
