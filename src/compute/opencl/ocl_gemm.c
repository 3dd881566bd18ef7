/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_gemm.h"

#include "base/error.h"

#include <clblast_c.h>
#include <stdlib.h>
#include <string.h>

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

/* Whether it does itself what follows. */
static bool ends(const struct ocl_gemm_candidate *candidate, const struct ocl_product *p)
{
    if (p->then.epilogue == OCL_NO_EPILOGUE) return true;
    if (p->then.epilogue == OCL_SUMS && p->operands == CLB_TF32)
        return false; /* of the numbers before they are rounded */
    return candidate && candidate->tile && candidate->tile->place == OCL_LOCAL &&
           !candidate->tile->engine && (!p->then.saved || p->then.saved->type == p->operands);
}

/* NULL: there is nothing to multiply. */
static enum clb_status run(struct ocl_device *device, const struct ocl_gemm_candidate *candidate,
                           const struct ocl_product *p)
{
    return candidate ? candidate->run(device, candidate, p) : clear(device, p);
}

/* An fp32 product, in C or in scratch, and then what follows it. */
static enum clb_status run_and_finish(struct ocl_device *device,
                                      const struct ocl_gemm_candidate *candidate,
                                      const struct ocl_product *p)
{
    struct ocl_product plain = *p;
    enum clb_status status;
    plain.then = (struct ocl_then){.epilogue = OCL_NO_EPILOGUE};
    plain.type = CLB_F32;
    if (p->type != CLB_F32) CLB_TRY(ocl_wide_numbers(device, p->m * p->n, &plain.c));
    CLB_TRY(run(device, candidate, &plain));
    if (p->then.epilogue == OCL_SUMS)
        CLB_TRY(ocl_column_sums(device, p->then.bias, p->a, p->operands, p->k, p->m));
    else
        CLB_TRY(ocl_finish_product(device, p, plain.c, 1));
cleanup:
    return status;
}

enum clb_status ocl_gemm(struct ocl_device *device, const struct ocl_product *p)
{
    const struct ocl_gemm_choices *choices = &device->gemm->choices[p->operands];
    const struct ocl_gemm_candidate *chosen = NULL;
    if (p->m == 0 || p->n == 0 || (p->k == 0 && p->accumulate)) return CLB_OK;
    if (p->k > 0 && choices->count == 0) {
        enum clb_status status = ocl_gemm_choose(device, p->operands);
        if (status != CLB_OK) return status;
    }
    if (p->k > 0)
        chosen = ocl_gemm_nearest(choices, &(struct ocl_gemm_shape){p->kind, p->m, p->n, p->k});
    return ends(chosen, p) ? run(device, chosen, p) : run_and_finish(device, chosen, p);
}

/* ---- opening, describing and closing ---- */

enum clb_status ocl_gemm_open(struct ocl_device *device)
{
    device->gemm = calloc(1, sizeof *device->gemm);
    return device->gemm ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
}

void ocl_gemm_describe(struct clb_device *base)
{
    const struct ocl_device *device = ocl_device(base);
    if (device->gemm->text[0])
        memcpy(base->info.gemm, device->gemm->text, sizeof base->info.gemm);
    else
        ocl_gemm_describe_cached(&base->info, device->shape);
}

/* CLBlast keeps programs of every context it has seen; they must go before the context does. */
void ocl_gemm_close(struct ocl_device *device)
{
    if (device->context) CLBlastClearCache();
    ocl_gemm_release_tuned(device);
    free(device->gemm);
}
