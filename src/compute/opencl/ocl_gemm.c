/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_gemm.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <clblast_c.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3 };

/* ---- choosing ---- */

/* Measures candidate i once more; its best counts. One that is wrong once stays wrong. One that
 * fails may have met a moment's lack of something: the next round tells. */
static void measure_candidate(struct ocl_device *device, int i, int round,
                              struct ocl_gemm_result *result)
{
    struct ocl_gemm_result now;
    base_log_progress("%s: measuring matrix products: %s", device->base.info.selector,
                      ocl_gemm_candidates[i].name);
    result->failed = ocl_gemm_measure(device, &ocl_gemm_candidates[i], &now) != CLB_OK;
    if (result->failed && round == ROUNDS - 1)
        base_warn("%s failed while it was measured: %s", ocl_gemm_candidates[i].name,
                  clb_error_message());
    result->wrong |= !result->failed && now.wrong;
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++)
        result->gflops[kind] = fmax(result->gflops[kind], now.gflops[kind]);
}

/* What else runs on the machine disturbs for seconds at a time: the candidates take turns. */
static enum clb_status measure(struct ocl_device *device, struct ocl_gemm *gemm)
{
    const struct clb_device_info *info = &device->base.info;
    const double begin = base_seconds();
    struct ocl_gemm_table table = {.results = {{.wrong = false}}};
    bool failed = false;
    base_log("%s (%s): measuring matrix products, once for this device and driver; with the "
             "compiling of kernels it may take a minute",
             info->selector, info->name);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
            if (ocl_gemm_worth_trying(device->shape, i) && !table.results[i].wrong)
                measure_candidate(device, i, round, &table.results[i]);
    base_log_progress(NULL);
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++) failed |= table.results[i].failed;
    if (!ocl_gemm_take(gemm, device->shape, &table))
        return clb_fail(
            CLB_ERROR_DEVICE,
            "%s (%s): no way to multiply matrices %s here; use another device or driver",
            info->selector, info->name, failed ? "works" : "gives right results");
    if (!failed) ocl_gemm_save(info, device->shape, &table);
    if (base_seconds() - begin > 3.0)
        base_log("%s: measured in %.0f s: %s", info->selector, base_seconds() - begin, gemm->text);
    return CLB_OK;
}

enum clb_status ocl_gemm_forced(const struct ocl_gemm_candidate **candidate)
{
    static const struct {
        const char *value;
        int candidate;
    } values[] = {{"tile", 0}, {"tile6x16", 1}, {"clblast", 2}, {"local", 3}, {"local64", 4}};
    const char *value = getenv("CLBERT_GEMM");
    *candidate = NULL;
    if (!value || !*value) return CLB_OK;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(value, values[i].value) == 0)
            *candidate = &ocl_gemm_candidates[values[i].candidate];
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++)
        if (strcmp(value, ocl_gemm_candidates[i].name) == 0) *candidate = &ocl_gemm_candidates[i];
    if (*candidate) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "CLBERT_GEMM=%s is unknown; there are: clblast, tile, tile6x16, local, "
                    "local64, and for reduced operands 'mma 128x128', 'mma 64x64', and so mfma, "
                    "wmma, dpas16, dpas8",
                    value);
}

/* An engine leaves fp32 to the tile that comes first. */
static void force(struct ocl_device *device, struct ocl_gemm *gemm,
                  const struct ocl_gemm_candidate *only)
{
    const bool engine = only->tile && only->tile->engine;
    const struct ocl_gemm_candidate *wide = engine ? ocl_gemm_portable(device->shape) : only;
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) gemm->chosen[kind] = wide;
    for (enum clb_type type = CLB_BF16; type <= CLB_F16; type++) {
        gemm->engines[type] = engine ? only : NULL;
        gemm->probed[type] = true;
    }
    snprintf(gemm->text, sizeof gemm->text, "%s%s (by CLBERT_GEMM)%s%s", only->name,
             engine && !only->available(device) ? " emulated" : "", engine ? "; fp32: " : "",
             engine ? wide->name : "");
}

static enum clb_status choose(struct ocl_device *device)
{
    struct ocl_gemm *gemm = calloc(1, sizeof *gemm);
    const struct ocl_gemm_candidate *only = NULL;
    enum clb_status status = CLB_OK;
    if (!gemm) return clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
    CLB_TRY(ocl_gemm_forced(&only));
    if (only) {
        force(device, gemm, only);
    } else if (!ocl_gemm_load(&device->base.info, device->shape, gemm)) {
        CLB_TRY(measure(device, gemm));
    }
    device->gemm = gemm;
    return CLB_OK;
cleanup:
    free(gemm);
    return status;
}

/* A sum of nothing. */
static enum clb_status clear(struct ocl_device *device, const struct ocl_product *p)
{
    struct clb_tensor c = {
        .device = &device->base, .memory = p->c, .rows = p->m, .columns = p->n, .type = p->type};
    struct clb_tensor zeros = c;
    cl_mem wide;
    enum clb_status status;
    if (p->type == CLB_F32) return ocl_fill(&c, 0.0f);
    CLB_TRY(ocl_wide_numbers(device, p->m * p->n, &wide));
    zeros.memory = wide;
    zeros.type = CLB_F32;
    CLB_TRY(ocl_fill(&zeros, 0.0f));
    CLB_TRY(ocl_cast(&c, &zeros));
cleanup:
    return status;
}

static const struct ocl_gemm_candidate *for_reduced(struct ocl_device *device, enum clb_type type,
                                                    const struct ocl_gemm_candidate *chosen)
{
    const struct ocl_gemm_candidate *engine = ocl_gemm_engine(device, type);
    if (engine) return engine;
    return chosen->tile ? chosen : ocl_gemm_portable(device->shape); /* CLBlast takes fp32 only */
}

enum clb_status ocl_gemm(struct ocl_device *device, const struct ocl_product *p)
{
    if (p->m == 0 || p->n == 0 || (p->k == 0 && p->accumulate)) return CLB_OK;
    if (p->k == 0) return clear(device, p);
    if (!device->gemm) {
        enum clb_status status = choose(device);
        if (status != CLB_OK) return status;
    }
    const struct ocl_gemm_candidate *chosen = device->gemm->chosen[p->kind];
    if (p->operands != CLB_F32) chosen = for_reduced(device, p->operands, chosen);
    return chosen->run(device, chosen->tile, p);
}

/* ---- describing and closing ---- */

void ocl_gemm_describe(struct clb_device *base)
{
    struct ocl_device *device = ocl_device(base);
    if (device->gemm)
        memcpy(base->info.gemm, device->gemm->text, sizeof base->info.gemm);
    else
        ocl_gemm_describe_cached(&base->info, device->shape);
}

void ocl_gemm_describe_cached(struct clb_device_info *info, const struct ocl_shape *shape)
{
    struct ocl_gemm gemm;
    if (ocl_gemm_load(info, shape, &gemm)) memcpy(info->gemm, gemm.text, sizeof info->gemm);
}

/* CLBlast keeps programs of every context it has seen; they must go before the context does. */
void ocl_gemm_close(struct ocl_device *device)
{
    if (device->context) CLBlastClearCache();
    free(device->gemm);
}
