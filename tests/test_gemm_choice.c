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

/* The table of sets keeps CLBlast's rules, names are read as they were written, and only those. */
static void test_parameters(void **state)
{
    (void)state;
    static const char *const no[] = {
        "clblast",
        "clblast ",
        "clblast 0.1.32",
        "clblast 0.1.32.2.16.16.64.8.8.64.1.1.0.0.4.4.2.8.8.8.8.1.1.4.4.32.1.1",
        "clblast 0.1.32.2.16.16.64.8.8.64.1.1.0.0.4.4.2.8.8.8.8.1.1.4.4.32.01",
        "clblast 0.1.32.0.16.16.64.8.8.64.1.1.0.0.4.4.2.8.8.8.8.1.1.4.4.32.1", /* KWI */
        "clblast 0.1.32.2.16.16.64.8.8.64.1.1.0.0.4.8.2.8.8.8.8.1.1.4.4.32.0"};
    struct ocl_device device = {.shape = &ocl_shapes[OCL_SHAPE_WIDE], .limits = {1024, 48 << 10}};
    struct ocl_clblast set, again, neighbour;
    char name[OCL_CLBLAST_NAME];
    int sets = 0, small = 0;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_null(ocl_gemm_tuned(&device, no[i]));
    for (; ocl_clblast_known(sets, &set); sets++) {
        assert_true(ocl_clblast_fits(&set, &device.limits));
        assert_true(ocl_clblast_is_direct(&set) != ocl_clblast_is_indirect(&set));
        ocl_clblast_name(&set, name);
        assert_true(ocl_clblast_read(name, &again));
        assert_memory_equal(&set, &again, sizeof set);
        const struct ocl_gemm_candidate *candidate = ocl_gemm_tuned(&device, name);
        assert_true(candidate && ocl_gemm_is_tuned(candidate));
        assert_memory_equal(candidate->parameters, &set, sizeof set);
        small += ocl_clblast_fits(&set, &(struct ocl_limits){128, 16 << 10});
        for (int i = 0; ocl_clblast_neighbour(&set, i, &neighbour); i++) {
            int differ = 0;
            for (int p = 0; p < OCL_CLBLAST_PARAMETERS; p++)
                differ += set.values[p] != neighbour.values[p];
            assert_in_range(differ, 0, 1);
        }
    }
    assert_true(sets > 20 && small > 0 && small < sets);
    ocl_gemm_release_tuned(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names_of_tiles),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
