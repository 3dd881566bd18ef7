/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend implements: every function, none optional but the two of products. ops.c has
 * checked shapes, types and aliasing, so an implementation begins with its work. Semantics:
 * include/clbert/ops.h. */
#ifndef CLBERT_BACKEND_H
#define CLBERT_BACKEND_H

#include "base/failure.h"

#include <clbert/ops.h>

struct clb_backend {
    const char *name; /* "cpu", "opencl" */

    void (*close)(struct clb_device *device);
    enum clb_status (*finish)(struct clb_device *device);
    /* Puts what is known by now of the product chosen into device->info.gemm. */
    void (*describe)(struct clb_device *device);

    /* clb_device_products and clb_device_use_products; NULL where there is only one product. */
    enum clb_status (*products)(const struct clb_device *device, char **record);
    enum clb_status (*use_products)(struct clb_device *device, const char *record, bool *honoured);

    /* clb_device_peak. */
    enum clb_status (*peak)(struct clb_device *device, double *gflops);

    /* Memory. `slice` makes a handle of `bytes` from `offset` (a multiple of 4 * CLB_BLOCK) of an
     * allocation; slices are released before it. `read` waits for everything queued before it. */
    enum clb_status (*allocate)(struct clb_device *device, int64_t bytes, void **memory);
    enum clb_status (*slice)(struct clb_device *device, void *memory, int64_t offset, int64_t bytes,
                             void **slice);
    void (*release_slice)(struct clb_device *device, void *slice);
    void (*release)(struct clb_device *device, void *memory);
    enum clb_status (*write)(struct clb_device *device, void *memory, const void *host,
                             int64_t bytes);
    enum clb_status (*read)(struct clb_device *device, void *memory, void *host, int64_t bytes);

    /* Operations, with the arguments of their namesakes in ops.h. */
    enum clb_status (*linear_forward)(struct clb_device *device, const struct clb_tensor *out,
                                      const struct clb_tensor *pre, const struct clb_tensor *x,
                                      const struct clb_tensor *weight,
                                      const struct clb_tensor *bias,
                                      enum clb_activation activation);
    enum clb_status (*linear_backward_input)(struct clb_device *device,
                                             const struct clb_tensor *d_x,
                                             const struct clb_tensor *d_out,
                                             const struct clb_tensor *weight, bool accumulate);
    enum clb_status (*linear_backward_weight)(struct clb_device *device,
                                              const struct clb_tensor *d_weight,
                                              const struct clb_tensor *d_bias,
                                              const struct clb_tensor *d_out,
                                              const struct clb_tensor *x);
    enum clb_status (*activation_backward)(struct clb_device *device, const struct clb_tensor *d_x,
                                           const struct clb_tensor *d_out,
                                           const struct clb_tensor *saved,
                                           enum clb_activation activation);
    enum clb_status (*embedding_forward)(struct clb_device *device, const struct clb_tensor *out,
                                         const struct clb_tensor *word,
                                         const struct clb_tensor *position,
                                         const struct clb_tensor *segment,
                                         const struct clb_tensor *ids,
                                         const struct clb_tensor *positions,
                                         const struct clb_tensor *segments);
    enum clb_status (*embedding_backward)(struct clb_device *device,
                                          const struct clb_tensor *d_table,
                                          const struct clb_tensor *d_out,
                                          const struct clb_row_groups *groups);
    enum clb_status (*norm_forward)(struct clb_device *device, const struct clb_tensor *out,
                                    const struct clb_tensor *sum, const struct clb_tensor *stats,
                                    const struct clb_tensor *y, const struct clb_tensor *bias,
                                    const struct clb_tensor *residual,
                                    const struct clb_tensor *gamma, const struct clb_tensor *beta,
                                    float eps, struct clb_dropout dropout);
    enum clb_status (*norm_backward)(struct clb_device *device, const struct clb_tensor *d_sum,
                                     const struct clb_tensor *d_y, const struct clb_tensor *d_gamma,
                                     const struct clb_tensor *d_beta,
                                     const struct clb_tensor *d_out, const struct clb_tensor *sum,
                                     const struct clb_tensor *stats, const struct clb_tensor *gamma,
                                     struct clb_dropout dropout);
    enum clb_status (*dropout_apply)(struct clb_device *device, const struct clb_tensor *out,
                                     const struct clb_tensor *x, struct clb_dropout dropout);
    enum clb_status (*attention_forward)(struct clb_device *device, const struct clb_tensor *out,
                                         const struct clb_tensor *lse, const struct clb_tensor *qkv,
                                         const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                         int64_t heads, struct clb_dropout dropout);
    enum clb_status (*attention_backward)(struct clb_device *device, const struct clb_tensor *d_qkv,
                                          const struct clb_tensor *d_out,
                                          const struct clb_tensor *out,
                                          const struct clb_tensor *lse,
                                          const struct clb_tensor *qkv,
                                          const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                          int64_t heads, struct clb_dropout dropout);
    enum clb_status (*gather_rows)(struct clb_device *device, const struct clb_tensor *out,
                                   const struct clb_tensor *x, const struct clb_tensor *rows);
    enum clb_status (*scatter_add_rows)(struct clb_device *device, const struct clb_tensor *d_x,
                                        const struct clb_tensor *d_out,
                                        const struct clb_tensor *rows);
    enum clb_status (*cross_entropy)(struct clb_device *device, const struct clb_tensor *sums,
                                     const struct clb_tensor *logits,
                                     const struct clb_tensor *labels, float gradient_scale);
    enum clb_status (*fill)(struct clb_device *device, const struct clb_tensor *x, float value);
    enum clb_status (*copy)(struct clb_device *device, const struct clb_tensor *out,
                            const struct clb_tensor *x);
    enum clb_status (*add)(struct clb_device *device, const struct clb_tensor *out,
                           const struct clb_tensor *x);
    enum clb_status (*scale)(struct clb_device *device, const struct clb_tensor *x, float factor);
    enum clb_status (*sum_of_squares)(struct clb_device *device, const struct clb_tensor *out,
                                      const struct clb_tensor *x);
    enum clb_status (*fill_uniform)(struct clb_device *device, const struct clb_tensor *x,
                                    struct clb_random random);
    enum clb_status (*fill_truncated_normal)(struct clb_device *device, const struct clb_tensor *x,
                                             float deviation, struct clb_random random);
    enum clb_status (*adamw)(struct clb_device *device, const struct clb_tensor *w,
                             const struct clb_tensor *g, const struct clb_tensor *m,
                             const struct clb_tensor *v, const struct clb_tensor *grad_square,
                             const struct clb_segments *segments,
                             const struct clb_optimizer_step *step);
    enum clb_status (*bert_adam)(struct clb_device *device, const struct clb_tensor *w,
                                 const struct clb_tensor *g, const struct clb_tensor *m,
                                 const struct clb_tensor *v, const struct clb_tensor *grad_square,
                                 const struct clb_segments *segments,
                                 const struct clb_optimizer_step *step);
    enum clb_status (*lamb)(struct clb_device *device, const struct clb_tensor *w,
                            const struct clb_tensor *g, const struct clb_tensor *m,
                            const struct clb_tensor *v, const struct clb_tensor *grad_square,
                            const struct clb_segments *segments,
                            const struct clb_optimizer_step *step);
};

/* clang-format off */
#define CLB_OPERATION_LIST(X)                                                                       \
    X(linear_forward) X(linear_backward_input) X(linear_backward_weight) X(activation_backward)    \
    X(embedding_forward) X(embedding_backward) X(norm_forward) X(norm_backward) X(dropout_apply)   \
    X(attention_forward) X(attention_backward) X(gather_rows) X(scatter_add_rows) X(cross_entropy) \
    X(fill) X(copy) X(add) X(scale) X(sum_of_squares) X(fill_uniform) X(fill_truncated_normal)     \
    X(adamw) X(bert_adam) X(lamb)

enum clb_operation {
#define CLB_OPERATION_ENUM(name) CLB_OPERATION_##name,
    CLB_OPERATION_LIST(CLB_OPERATION_ENUM)
#undef CLB_OPERATION_ENUM
    CLB_OPERATION_COUNT
};
/* clang-format on */

/* Declares a function `function` with the arguments of a backend's `operation`. */
#define CLB_DECLARE_OPERATION(operation, function)                                                 \
    extern __typeof__(*((struct clb_backend *)0)->operation) function;

/* A backend's device begins with this; what follows is its own. */
struct clb_device {
    const struct clb_backend *backend;
    struct clb_device_info info;
    char reason[256];
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
