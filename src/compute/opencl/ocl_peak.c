/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "compute/opencl/ocl.h"

#include <math.h>

enum { TRIES = 10, GROUPS_A_UNIT = 8 };

static const double long_enough = 5e-3; /* seconds that hide the launch */

struct peak_launch {
    int vector;
    char options[64];
    struct ocl_range range;
    cl_mem out;
};

/* A register's width on a CPU; a GPU's work-item is a lane, and four numbers are four chains. */
static int vector_width(const struct ocl_device *device)
{
    cl_uint width = 0;
    if (!device->shape->wide) return 4;
    clGetDeviceInfo(device->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
    return width == 16 || width == 8 ? (int)width : 4;
}

static enum clb_status time_rounds(struct ocl_device *device, const struct peak_launch *p,
                                   int rounds, double *seconds)
{
    enum clb_status status;
    CLB_TRY(ocl_finish(&device->base));
    const double begin = base_seconds();
    CLB_TRY(OCL_RUN_WITH(device, OCL_PEAK, p->options, "peak", p->range, OCL_MEM(p->out),
                         OCL_F32(0.5f), OCL_I32(rounds)));
    CLB_TRY(ocl_finish(&device->base));
    *seconds = base_seconds() - begin;
cleanup:
    return status;
}

enum clb_status ocl_peak(struct clb_device *base, double *gflops)
{
    struct ocl_device *device = ocl_device(base);
    const bool wide = device->shape->wide;
    const int64_t groups = (int64_t)base->info.compute_units * GROUPS_A_UNIT;
    const int64_t most =
        device->limits.items < OCL_PEAK_GROUP ? device->limits.items : OCL_PEAK_GROUP;
    struct peak_launch p = {.vector = vector_width(device),
                            .range = ocl_over_groups(groups, 1, 1, wide ? 1 : (size_t)most)};
    const int64_t items = (int64_t)p.range.global[0];
    int rounds = 1 << 8;
    double seconds, best = INFINITY;
    enum clb_status status;
    ocl_peak_options(p.vector, p.options, sizeof p.options);
    CLB_TRY(ocl_workspace(device, items * (int64_t)sizeof(float), &p.out));
    CLB_TRY(time_rounds(device, &p, rounds, &seconds)); /* compiles */
    CLB_TRY(time_rounds(device, &p, rounds, &seconds));
    for (; seconds < long_enough && rounds < 1 << 24; rounds *= 2)
        CLB_TRY(time_rounds(device, &p, 2 * rounds, &seconds));
    for (int try = 0; try < TRIES; try++) {
        CLB_TRY(time_rounds(device, &p, rounds, &seconds));
        best = fmin(best, seconds);
    }
    *gflops = 1e-9 * 2.0 * OCL_PEAK_CHAINS * p.vector * (double)rounds * (double)items / best;
cleanup:
    return status;
}
