/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_gemm.h"

enum { MOST_ROWS = 4096 };
/* Multiply-adds of a product that is worth measuring: 256^3. */
static const double least_work = 0x1p24;
static const double least_share = 0.02; /* of all work of a type */

static int64_t class_of(int64_t rows)
{
    int64_t class = 1;
    while (2 * class <= rows && class < MOST_ROWS) class *= 2;
    return class;
}

static bool same(const struct ocl_gemm_shape *a, const struct ocl_gemm_shape *b)
{
    return a->kind == b->kind && a->m == b->m && a->n == b->n && a->k == b->k;
}

/* Those with the most work stay in front; where there is no room the last is lost. */
static void add(struct ocl_gemm_expected *list, struct ocl_gemm_shape shape, double work)
{
    int i = 0;
    while (i < list->count && !same(&list->shapes[i], &shape)) i++;
    if (i < list->count) work += list->work[i];
    if (i == OCL_GEMM_SHAPES && work <= list->work[--i]) return;
    if (i == list->count) list->count++;
    for (; i > 0 && list->work[i - 1] < work; i--) {
        list->shapes[i] = list->shapes[i - 1];
        list->work[i] = list->work[i - 1];
    }
    list->shapes[i] = shape;
    list->work[i] = work;
}

enum clb_status ocl_gemm_expect(struct clb_device *base, const struct clb_layer *layers, int count)
{
    struct ocl_gemm *gemm = ocl_device(base)->gemm;
    for (int i = 0; i < count; i++) {
        const struct clb_layer *l = &layers[i];
        const int64_t rows = class_of(l->rows);
        struct ocl_gemm_expected *list = &gemm->expected[l->operands];
        const double work = (double)l->rows * (double)l->outputs * (double)l->inputs;
        if ((double)rows * (double)l->outputs * (double)l->inputs < least_work) continue;
        add(list, (struct ocl_gemm_shape){OCL_GEMM_NT, rows, l->outputs, l->inputs}, work);
        if (!l->training) continue;
        add(list, (struct ocl_gemm_shape){OCL_GEMM_NN, rows, l->inputs, l->outputs}, work);
        add(list, (struct ocl_gemm_shape){OCL_GEMM_TN, l->outputs, l->inputs, rows}, work);
    }
    return CLB_OK;
}

int ocl_gemm_shapes(const struct ocl_device *device, enum clb_type type,
                    struct ocl_gemm_shape shapes[OCL_GEMM_SHAPES])
{
    const struct ocl_gemm_expected *list = &device->gemm->expected[type];
    const int64_t rows =
        device->shape->wide ? 1024 : 4096; /* a product of base fills the largest */
    double all = 0.0;
    int count = 0;
    for (int i = 0; i < list->count; i++) all += list->work[i];
    for (int i = 0; i < list->count; i++)
        if (list->work[i] >= least_share * all) shapes[count++] = list->shapes[i];
    if (count > 0) return count;
    shapes[OCL_GEMM_NT] = (struct ocl_gemm_shape){OCL_GEMM_NT, rows, 768, 768};
    shapes[OCL_GEMM_NN] = (struct ocl_gemm_shape){OCL_GEMM_NN, rows, 768, 768};
    shapes[OCL_GEMM_TN] = (struct ocl_gemm_shape){OCL_GEMM_TN, 768, 768, rows};
    return OCL_GEMM_KINDS;
}
