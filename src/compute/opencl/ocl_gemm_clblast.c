/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

#include <clblast_c.h>

/* Row-major C = A B is column-major C^T = B^T A^T: the operands change places and no matrix is
 * transposed. The temporary buffer is the device's, so that CLBlast allocates nothing in a step. */
enum clb_status ocl_gemm_clblast(struct ocl_device *device,
                                 const struct ocl_gemm_candidate *candidate,
                                 const struct ocl_product *p)
{
    const CLBlastTranspose first =
        p->kind == OCL_GEMM_NT ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastTranspose second =
        p->kind == OCL_GEMM_TN ? CLBlastTransposeYes : CLBlastTransposeNo;
    const size_t m = (size_t)p->n, n = (size_t)p->m, k = (size_t)p->k;
    const size_t first_ld = p->kind == OCL_GEMM_NT ? k : m,
                 second_ld = p->kind == OCL_GEMM_TN ? n : k;
    size_t bytes = 0;
    cl_mem temporary = NULL;
    const enum clb_status used = ocl_clblast_use(device, candidate->parameters);
    if (used != CLB_OK) return used;
    CLBlastStatusCode code =
        CLBlastSGemmTempBufferSize(CLBlastLayoutColMajor, first, second, m, n, k, 0, first_ld, 0,
                                   second_ld, 0, m, &device->queue, &bytes);
    if (code == CLBlastSuccess && bytes > 0) {
        enum clb_status status = ocl_workspace(device, (int64_t)bytes, &temporary);
        if (status != CLB_OK) return status;
    }
    if (code == CLBlastSuccess)
        code = CLBlastSgemmWithTempBuffer(
            CLBlastLayoutColMajor, first, second, m, n, k, 1.0f, p->b, 0, first_ld, p->a, 0,
            second_ld, p->accumulate ? 1.0f : 0.0f, p->c, 0, m, &device->queue, NULL, temporary);
    if (code == CLBlastSuccess) return CLB_OK;
    return clb_fail(CLB_ERROR_DEVICE,
                    "%s (%s): CLBlast cannot multiply %lld x %lld x %lld: error %d",
                    device->base.info.selector, device->base.info.name, (long long)p->m,
                    (long long)p->n, (long long)p->k, (int)code);
}
