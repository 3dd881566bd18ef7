/* SPDX-License-Identifier: Apache-2.0 */
/* Which way of multiplying an OpenCL device takes, without a device. */
#include "compute/opencl/ocl_gemm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_nearest(void **state)
{
    (void)state;
    const struct ocl_gemm_candidate *const c[] = {&ocl_gemm_candidates[0], &ocl_gemm_candidates[1],
                                                  &ocl_gemm_candidates[2]};
    const struct ocl_gemm_choices choices = {.of = {{{OCL_GEMM_NT, 4096, 768, 768}, c[0], 1},
                                                    {{OCL_GEMM_NT, 1024, 30522, 768}, c[1], 1},
                                                    {{OCL_GEMM_NN, 0, 0, 0}, c[2], 1}},
                                             .count = 3};
    const struct {
        struct ocl_gemm_shape shape;
        int nearest;
    } table[] = {
        {{OCL_GEMM_NT, 4000, 768, 768}, 0}, {{OCL_GEMM_NT, 1024, 768, 768}, 0},
        {{OCL_GEMM_NT, 1, 30522, 768}, 1},  {{OCL_GEMM_NN, 4096, 768, 768}, 2},
        {{OCL_GEMM_TN, 5, 5, 5}, 2}, /* of no kind that was measured */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_ptr_equal(ocl_gemm_nearest(&choices, &table[i].shape), c[table[i].nearest]);
}

/* A GPU whose work-groups are small, or have little local memory, has the smaller tile. */
static void test_limits(void **state)
{
    (void)state;
    const struct ocl_gemm_candidate *large = &ocl_gemm_candidates[3];
    struct ocl_device device = {.shape = &ocl_shapes[OCL_SHAPE_GROUP],
                                .limits = {256, OCL_LOCAL_BYTES}};
    assert_string_equal(large->name, "local 128x128");
    assert_ptr_equal(ocl_gemm_find(&device, large->name), large);
    for (int i = 0; i < 2; i++) {
        device.limits = (struct ocl_limits){i == 0 ? 128 : 256, i == 1 ? 16 << 10 : 32 << 10};
        assert_null(ocl_gemm_find(&device, large->name));
        assert_non_null(ocl_gemm_find(&device, "local 64x64"));
        for (int type = 0; type < OCL_GEMM_TYPES; type++)
            if (type != CLB_I32)
                assert_string_equal(ocl_gemm_for_type(&device, large, (enum clb_type)type)->name,
                                    "local 64x64");
    }
}

/* Names of tiles come from files: only what the kernel can be is one. */
static void test_names_of_tiles(void **state)
{
    (void)state;
    static const char *const no[] = {
        "local 128x128",       "local 128x128x16",          "local 128x128x16x0",
        "local 128x128x16x2x", "local 0128x128x16x2",       "local 512x128x16x2",
        "local 96x96x16x2",    "local 2147483647x128x16x2", "local 128x128x-16x2"};
    struct ocl_device device = {.shape = &ocl_shapes[OCL_SHAPE_GROUP], .limits = {256, 64 << 10}};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_null(ocl_gemm_tuned(&device, no[i]));
    const struct ocl_gemm_candidate *tile = ocl_gemm_tuned(&device, "local 64x128x16x4");
    assert_true(tile && tile->tile->m == 64 && tile->tile->n == 128 && tile->tile->k == 16 &&
                tile->tile->kwi == 4);
    assert_ptr_equal(ocl_gemm_find(&device, "local 64x128x16x4"), tile);
    assert_non_null(ocl_gemm_tuned(&device, "local 128x256x32x2"));
    assert_null(ocl_gemm_find(&device, "local 128x256x32x2")); /* 512 work-items */
    ocl_gemm_release_tuned(&device);
    assert_null(device.tuned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names_of_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
