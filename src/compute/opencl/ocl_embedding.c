/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

enum clb_status ocl_embedding_forward(const struct clb_tensor *out, const struct clb_tensor *word,
                                      const struct clb_tensor *position,
                                      const struct clb_tensor *segment,
                                      const struct clb_tensor *ids,
                                      const struct clb_tensor *positions,
                                      const struct clb_tensor *segments)
{
    struct ocl_device *device = ocl_device(out->device);
    return OCL_RUN(device, OCL_EMBEDDING, "embedding_forward", ocl_over_rows(device, out->rows, 1),
                   OCL_TENSOR(out), OCL_TENSOR(word), OCL_TENSOR(position), OCL_TENSOR(segment),
                   OCL_TENSOR(ids), OCL_TENSOR(positions), OCL_TENSOR(segments),
                   OCL_I64(out->columns));
}

/* About OCL_EMBEDDING_CHUNK rows a chunk at the mean size of a group, and never more scratch than
 * d_out itself. */
static int64_t group_chunks(int64_t rows, int64_t groups)
{
    int64_t chunks = rows / (OCL_EMBEDDING_CHUNK * groups);
    return chunks < 1 ? 1 : chunks;
}

enum clb_status ocl_embedding_backward(const struct clb_tensor *d_table,
                                       const struct clb_tensor *d_out,
                                       const struct clb_row_groups *groups)
{
    struct ocl_device *device = ocl_device(d_table->device);
    const int64_t count = groups->row.rows, hidden = d_out->columns;
    if (count == 0) return CLB_OK;
    const int64_t chunks = group_chunks(d_out->rows, count);
    cl_mem partial;
    enum clb_status status;
    CLB_TRY(ocl_workspace(device, 4 * count * chunks * hidden, &partial));
    CLB_TRY(OCL_RUN(device, OCL_EMBEDDING, "embedding_partials",
                    ocl_over_rows(device, count, chunks), OCL_MEM(partial), OCL_TENSOR(d_out),
                    OCL_TENSOR(&groups->order), OCL_TENSOR(&groups->begin), OCL_I64(hidden),
                    OCL_I64(chunks)));
    CLB_TRY(OCL_RUN(device, OCL_EMBEDDING, "embedding_add", ocl_over_rows(device, count, 1),
                    OCL_TENSOR(d_table), OCL_MEM(partial), OCL_TENSOR(&groups->row),
                    OCL_I64(hidden), OCL_I64(chunks)));
cleanup:
    return status;
}
