/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend implements: every function, none optional but those of products. ops.c has
 * checked shapes, types and aliasing, so an implementation begins with its work. Semantics:
 * include/clbert/ops.h. */
#ifndef CLBERT_BACKEND_H
#define CLBERT_BACKEND_H

#include "base/failure.h"

#include <clbert/ops.h>

/* The longest sequence of attention: elements of dropout are counted by it. A power of two. */
enum { CLB_MAX_SEQLEN = 65536 };

struct clb_backend {
    const char *name; /* "cpu", "opencl" */

    void (*close)(struct clb_device *device);
    enum clb_status (*finish)(struct clb_device *device);
    /* Puts what is known by now of the product chosen into device->info.gemm. */
    void (*describe)(struct clb_device *device);

    /* clb_device_expect, clb_device_products and clb_device_use_products; NULL where there is only
     * one product. */
    enum clb_status (*expect)(struct clb_device *device, const struct clb_layer *layers, int count);
    enum clb_status (*products)(const struct clb_device *device, char **record);
    enum clb_status (*use_products)(struct clb_device *device, const char *record, bool *honoured);

    /* clb_device_tune; NULL where there is nothing to tune. */
    enum clb_status (*tune)(struct clb_device *device, const struct clb_tuning_options *options,
                            struct clb_tuning *result);

    /* clb_device_peak. */
    enum clb_status (*peak)(struct clb_device *device, double *gflops);

    unsigned multiplies; /* 1 << type for every type of operands that products and attention take */

    /* Memory. `slice` makes a handle of `bytes` from `offset` (a multiple of 2 * CLB_BLOCK) of an
     * allocation; slices are released before it. `read` takes bytes from `offset` on, and waits for
     * everything queued before it. */
    enum clb_status (*allocate)(struct clb_device *device, int64_t bytes, void **memory);
    enum clb_status (*slice)(struct clb_device *device, void *memory, int64_t offset, int64_t bytes,
                             void **slice);
    void (*release_slice)(struct clb_device *device, void *slice);
    void (*release)(struct clb_device *device, void *memory);
    enum clb_status (*write)(struct clb_device *device, void *memory, const void *host,
                             int64_t bytes);
    enum clb_status (*read)(struct clb_device *device, void *memory, int64_t offset, void *host,
                            int64_t bytes);

    /* Memory of the host that the device reads while the host goes on: what is sent from it must
     * stay as it is until wait_sent has taken *sent (NULL: it has been read). `flush` begins what
     * is queued. */
    enum clb_status (*allocate_host)(struct clb_device *device, int64_t bytes, void **handle,
                                     void **host);
    void (*release_host)(struct clb_device *device, void *handle, void *host);
    enum clb_status (*send)(struct clb_device *device, void *memory, const void *host,
                            int64_t bytes, void **sent);
    enum clb_status (*wait_sent)(struct clb_device *device, void *sent);
    enum clb_status (*flush)(struct clb_device *device);

    /* Operations, with the arguments of their namesakes clb_NAME. */
#define CLB_OPERATION_FIELD(name) __typeof__(clb_##name) *name;
    CLB_OPERATION_LIST(CLB_OPERATION_FIELD)
#undef CLB_OPERATION_FIELD
};

/* A backend's device begins with this; what follows is its own. */
struct clb_device {
    const struct clb_backend *backend;
    struct clb_device_info info;
    char reason[256];
    struct clb_traffic traffic;
    bool profiling;
    struct clb_profile_entry profile[CLB_OPERATION_COUNT];
};

/* ---- what the backends offer to device.c ---- */

/* Describes the CPU path. threads 0: all. */
void cpu_device_describe(int threads, struct clb_device_info *info);
enum clb_status cpu_device_open(int threads, struct clb_device **device);

/* Appends every usable OpenCL device to a malloc'd array; no platform is no error. What fails on
 * the way is warned of, the first of it kept in `problem`, and the list goes on without it. */
enum clb_status ocl_device_list(struct clb_device_info **infos, int *count,
                                struct base_failure *problem);
/* `selector` is "opencl:P.D"; no other platform is asked. */
enum clb_status ocl_device_open(const char *selector, struct clb_device **device);

#endif
