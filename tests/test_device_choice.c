/* SPDX-License-Identifier: Apache-2.0 */
/* Which device a --device means, on machines that are made up. */
#include "compute/device_choice.h"

#include <clbert/status.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define GIB ((int64_t)1 << 30)

static const struct clb_device_info cpu_path = {.selector = "cpu",
                                                .name = "Intel(R) Xeon(R) Processor",
                                                .vendor = "clbert",
                                                .is_cpu_path = true};
static const struct clb_device_info pocl = {.selector = "opencl:0.0",
                                            .name = "pthread-Intel(R) Xeon(R) Processor",
                                            .vendor = "GenuineIntel",
                                            .platform = "Portable Computing Language",
                                            .compute_units = 128,
                                            .clock_mhz = 3000,
                                            .memory_bytes = 64 * GIB};
static const struct clb_device_info llvmpipe = {.selector = "opencl:1.0",
                                                .name = "llvmpipe (LLVM 15.0.6, 256 bits)",
                                                .vendor = "Mesa",
                                                .platform = "rusticl",
                                                .compute_units = 128,
                                                .clock_mhz = 3000,
                                                .memory_bytes = 64 * GIB};
static const struct clb_device_info intel_igpu = {.selector = "opencl:2.0",
                                                  .name = "Intel(R) Iris(R) Xe Graphics",
                                                  .vendor = "Intel(R) Corporation",
                                                  .platform = "Intel(R) OpenCL Graphics",
                                                  .compute_units = 96,
                                                  .clock_mhz = 1500,
                                                  .memory_bytes = 25 * GIB,
                                                  .is_gpu = true,
                                                  .is_integrated = true};
static const struct clb_device_info rtx_4060 = {.selector = "opencl:3.0",
                                                .name = "NVIDIA GeForce RTX 4060",
                                                .vendor = "NVIDIA Corporation",
                                                .platform = "NVIDIA CUDA",
                                                .compute_units = 24,
                                                .clock_mhz = 2460,
                                                .memory_bytes = 8 * GIB,
                                                .is_gpu = true};
static const struct clb_device_info rtx_4090 = {.selector = "opencl:3.1",
                                                .name = "NVIDIA GeForce RTX 4090",
                                                .vendor = "NVIDIA Corporation",
                                                .platform = "NVIDIA CUDA",
                                                .compute_units = 128,
                                                .clock_mhz = 2520,
                                                .memory_bytes = 24 * GIB,
                                                .is_gpu = true};
static const struct clb_device_info mi250x = {.selector = "opencl:4.0",
                                              .name = "gfx90a:sramecc+:xnack-",
                                              .vendor = "Advanced Micro Devices, Inc.",
                                              .platform = "AMD Accelerated Parallel Processing",
                                              .compute_units = 110,
                                              .clock_mhz = 1700,
                                              .memory_bytes = 64 * GIB,
                                              .is_gpu = true};
static const struct clb_device_info rx_7600 = {.selector = "opencl:4.1",
                                               .name = "gfx1102",
                                               .vendor = "Advanced Micro Devices, Inc.",
                                               .platform = "AMD Accelerated Parallel Processing",
                                               .compute_units = 16,
                                               .clock_mhz = 2250,
                                               .memory_bytes = 8 * GIB,
                                               .is_gpu = true};
static const struct clb_device_info arc_a770 = {.selector = "opencl:5.0",
                                                .name = "Intel(R) Arc(TM) A770 Graphics",
                                                .vendor = "Intel(R) Corporation",
                                                .platform = "Intel(R) OpenCL Graphics",
                                                .compute_units = 512,
                                                .clock_mhz = 2400,
                                                .memory_bytes = 16 * GIB,
                                                .is_gpu = true};

static const struct base_failure no_problem = {CLB_OK, ""};

/* The selector of what `selector` means among the devices given and the CPU path, or the message.
 */
static const char *chosen(const char *selector, int count,
                          const struct clb_device_info *const *devices)
{
    static struct clb_device_info list[16];
    char reason[256];
    int index = -1;
    list[0] = cpu_path;
    for (int i = 0; i < count; i++) list[i + 1] = *devices[i];
    if (device_choose(selector, list, count + 1, &no_problem, &index, reason, sizeof reason) !=
        CLB_OK)
        return clb_error_message();
    assert_true(strlen(reason) > 0);
    return list[index].selector;
}
#define CHOSEN(selector, ...)                                                                      \
    chosen(selector,                                                                               \
           (int)(sizeof((const struct clb_device_info *const[]){__VA_ARGS__}) / sizeof(void *)),   \
           (const struct clb_device_info *const[]){__VA_ARGS__})

static void assert_says(const char *message, const char *part)
{
    if (!strstr(message, part)) fail_msg("\"%s\" does not say \"%s\"", message, part);
}

/* From the best to the worst; by theoretical fp32 speed where it is a discrete GPU. */
static void test_ranking(void **state)
{
    (void)state;
    static const struct clb_device_info *const order[] = {
        &rtx_4090, &mi250x, &arc_a770, &rtx_4060, &rx_7600, &intel_igpu, &pocl, &llvmpipe};
    enum { COUNT = sizeof order / sizeof *order };
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++)
            if (device_is_better(order[i], order[j]) != (i < j))
                fail_msg("%s before %s", order[i]->name, order[j]->name);
    struct clb_device_info more = rtx_4060, unknown = rtx_4060;
    more.memory_bytes *= 2;
    assert_true(device_is_better(&more, &rtx_4060));
    unknown.clock_mhz = 0; /* a driver that does not tell */
    assert_true(device_is_better(&unknown, &intel_igpu));
}

static void test_best(void **state)
{
    (void)state;
    assert_string_equal(CHOSEN("auto", &pocl, &intel_igpu, &rtx_4060), "opencl:3.0");
    assert_string_equal(CHOSEN("opencl", &pocl, &intel_igpu, &rtx_4060), "opencl:3.0");
    assert_string_equal(CHOSEN("gpu", &rtx_4060, &intel_igpu), "opencl:3.0");
    assert_string_equal(CHOSEN("igpu", &rtx_4060, &intel_igpu), "opencl:2.0");
    assert_string_equal(CHOSEN("auto", &pocl, &intel_igpu), "opencl:2.0");
    assert_string_equal(CHOSEN("auto", &pocl, &llvmpipe), "cpu");
    assert_string_equal(CHOSEN("opencl", &llvmpipe, &pocl), "opencl:0.0");
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(CHOSEN("AUTO", &pocl, &rtx_4060), "opencl:3.0");
    assert_string_equal(CHOSEN("OpenCL", &pocl), "opencl:0.0");
    assert_string_equal(CHOSEN("nvidia", &rtx_4060, &rtx_4090), "opencl:3.1");
    assert_string_equal(CHOSEN("CUDA", &mi250x, &rtx_4060), "opencl:3.0");
    assert_string_equal(CHOSEN("cuda:0", &mi250x, &rtx_4060, &rtx_4090), "opencl:3.0");
    assert_string_equal(CHOSEN("cuda:1", &mi250x, &rtx_4060, &rtx_4090), "opencl:3.1");
    assert_string_equal(CHOSEN("gpu:1", &pocl, &mi250x, &rtx_4060), "opencl:3.0");
    assert_string_equal(CHOSEN("rocm", &rtx_4090, &rx_7600, &mi250x), "opencl:4.0");
    assert_string_equal(CHOSEN("hip", &rtx_4090, &rx_7600), "opencl:4.1");
    assert_string_equal(CHOSEN("amd", &rtx_4090, &rx_7600), "opencl:4.1");
    assert_string_equal(CHOSEN("intel", &pocl, &intel_igpu, &arc_a770), "opencl:5.0");
    assert_string_equal(CHOSEN("xpu", &intel_igpu), "opencl:2.0");
}

static void test_words_without_device(void **state)
{
    (void)state;
    assert_says(CHOSEN("gpu", &pocl), "no GPU");
    assert_says(CHOSEN("gpu", &pocl), "cpu (Intel(R) Xeon(R) Processor)");
    assert_says(CHOSEN("igpu", &rtx_4060), "no integrated GPU");
    assert_says(CHOSEN("cuda", &mi250x), "--device nvidia or opencl");
    assert_says(CHOSEN("cuda:1", &rtx_4060), "--device nvidia or opencl");
    assert_says(CHOSEN("rocm", &rtx_4060), "--device amd or opencl");
    assert_says(CHOSEN("xpu", &pocl), "--device intel or opencl");
    assert_says(CHOSEN("amd", &pocl), "is unknown");
    assert_says(CHOSEN("voodoo", &pocl, &rtx_4060), "is unknown; there are: auto, opencl, cpu (");
    assert_says(CHOSEN("", &pocl), "is unknown");
}

/* A part of a name that is the CPU path's, too, is not taken for another device's. */
static void test_names(void **state)
{
    (void)state;
    assert_string_equal(CHOSEN("rtx 4060", &rtx_4060, &rtx_4090), "opencl:3.0");
    assert_says(CHOSEN("rtx", &rtx_4060, &rtx_4090), "is ambiguous");
    assert_string_equal(CHOSEN("Portable", &pocl), "opencl:0.0");
    assert_string_equal(CHOSEN("Intel(R) Xeon(R) Processor", &pocl), "cpu");
    assert_string_equal(CHOSEN("pthread-", &pocl), "opencl:0.0");
    const char *both = CHOSEN("Xeon", &pocl, &rtx_4060);
    assert_says(both, "is ambiguous; there are: cpu (Intel(R) Xeon(R) Processor), opencl:0.0 (");
    assert_null(strstr(both, "4060"));
}

/* What failed while the list was made stands behind the refusal. */
static void test_problem(void **state)
{
    (void)state;
    const struct base_failure problem = {CLB_ERROR_DEVICE, "clGetDeviceIDs(platform 1): (-6)"};
    char reason[256];
    int index;
    assert_int_equal(device_choose("opencl", &cpu_path, 1, &problem, &index, reason, sizeof reason),
                     CLB_ERROR_ARGUMENT);
    assert_says(clb_error_message(), "no OpenCL device");
    assert_says(clb_error_message(), problem.message);
    assert_int_equal(device_choose("auto", &cpu_path, 1, &problem, &index, reason, sizeof reason),
                     CLB_OK);
}

static void test_index(void **state)
{
    (void)state;
    unsigned p, d;
    assert_true(device_is_index("OPENCL:12.3", &p, &d) && p == 12 && d == 3);
    static const char *const others[] = {"opencl",      "opencl:",     "opencl:1",    "opencl:1.",
                                         "opencl:1.2x", "opencl:-1.0", "opencl: 1.0", "cuda:0.0"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(device_is_index(others[i], &p, &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranking), cmocka_unit_test(test_best),
        cmocka_unit_test(test_words),   cmocka_unit_test(test_words_without_device),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_problem),
        cmocka_unit_test(test_index),
    };
    return cmocka_run_group_tests_name("device_choice", tests, NULL, NULL);
}
