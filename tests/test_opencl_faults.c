/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers that fail: each failing call is named, and hides nothing else. */
#include "support_devices.h"
#include "support_opencl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static void assert_says(const char *part)
{
    if (!strstr(clb_error_message(), part))
        fail_msg("\"%s\" does not say \"%s\"", clb_error_message(), part);
}

/* Two GPUs, the second the faster one. */
static int setup(void **state)
{
    (void)state;
    support_opencl = (struct support_opencl){.gpu_count = 2,
                                             .gpus = {{"small", "OpenCL 1.2 made up", 10, 256},
                                                      {"large", "OpenCL 3.0 made up", 20, 256}},
                                             .times = -1};
    return 0;
}

static void fail_call(const char *call, cl_uint what, cl_int error)
{
    support_opencl.failing = call;
    support_opencl.what = what;
    support_opencl.error = error;
}

static int listed(void)
{
    struct clb_device_info *infos;
    int count;
    OK(clb_device_list(&infos, &count));
    free(infos);
    return count;
}

static void refuses(const char *selector, const char *part)
{
    struct clb_device *device;
    assert_int_not_equal(clb_device_open(selector, 1, &device), CLB_OK);
    assert_says(part);
}

static void test_cpu_leaves_opencl_alone(void **state)
{
    (void)state;
    struct clb_device *device;
    OK(clb_device_open("CPU", 1, &device));
    assert_true(clb_device_info(device)->is_cpu_path);
    clb_device_close(device);
    assert_int_equal(support_opencl.calls, 0);
    assert_int_equal(listed(), 3);
    assert_true(support_opencl.calls > 0);
}

static void test_no_platform(void **state)
{
    (void)state;
    fail_call("clGetPlatformIDs", 0, -1001); /* CL_PLATFORM_NOT_FOUND_KHR */
    assert_int_equal(listed(), 1);
    refuses("opencl", "no OpenCL device");
    assert_null(strstr(clb_error_message(), "clGetPlatformIDs"));
}

static void test_platforms_fail(void **state)
{
    (void)state;
    struct clb_device *device;
    fail_call("clGetPlatformIDs", 0, CL_OUT_OF_HOST_MEMORY);
    assert_int_equal(listed(), 1);
    refuses("opencl", "clGetPlatformIDs(): CL_OUT_OF_HOST_MEMORY (-6)");
    refuses("opencl:0.0", "clGetPlatformIDs(): CL_OUT_OF_HOST_MEMORY (-6)");
    OK(clb_device_open("auto", 1, &device));
    assert_true(clb_device_info(device)->is_cpu_path);
    clb_device_close(device);
}

static void test_devices_fail(void **state)
{
    (void)state;
    fail_call("clGetDeviceIDs", 1, CL_DEVICE_NOT_FOUND);
    assert_int_equal(listed(), 2);
    refuses("opencl:1.0", "platform 1 has 0 devices");
    fail_call("clGetDeviceIDs", 1, CL_OUT_OF_RESOURCES);
    assert_int_equal(listed(), 2); /* the other platform's is still there */
    refuses("opencl:1.0", "clGetDeviceIDs(platform 1): CL_OUT_OF_RESOURCES (-5)");
    refuses("large", "clGetDeviceIDs(platform 1): CL_OUT_OF_RESOURCES (-5)");
}

/* Whatever a device is asked for: none of it is guessed where the answer fails. */
static void test_device_info_fails(void **state)
{
    (void)state;
    static const struct {
        cl_device_info what;
        const char *name;
    } asked[] = {
#define ASKED(name) {name, #name}
        ASKED(CL_DEVICE_NAME),
        ASKED(CL_DEVICE_VENDOR),
        ASKED(CL_DEVICE_VERSION),
        ASKED(CL_DRIVER_VERSION),
        ASKED(CL_DEVICE_TYPE),
        ASKED(CL_DEVICE_GLOBAL_MEM_SIZE),
        ASKED(CL_DEVICE_MAX_MEM_ALLOC_SIZE),
        ASKED(CL_DEVICE_MAX_COMPUTE_UNITS),
        ASKED(CL_DEVICE_MAX_CLOCK_FREQUENCY),
        ASKED(CL_DEVICE_HOST_UNIFIED_MEMORY),
        ASKED(CL_DEVICE_AVAILABLE),
        ASKED(CL_DEVICE_COMPILER_AVAILABLE),
        ASKED(CL_DEVICE_ENDIAN_LITTLE),
        ASKED(CL_DEVICE_LOCAL_MEM_SIZE),
        ASKED(CL_DEVICE_MAX_WORK_GROUP_SIZE),
#undef ASKED
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        fail_call("clGetDeviceInfo", asked[i].what, CL_OUT_OF_HOST_MEMORY);
        assert_int_equal(listed(), 1);
        refuses("opencl:0.0", asked[i].name);
        assert_says("opencl:0.0: clGetDeviceInfo(");
        assert_says("CL_OUT_OF_HOST_MEMORY (-6)");
        refuses("gpu", asked[i].name);
    }
}

static void test_what_kernels_need(void **state)
{
    (void)state;
    support_opencl.gpus[0].largest_group = 64;
    support_opencl.gpus[1].version = "OpenCL 1.1 made up";
    assert_int_equal(listed(), 1);
    refuses("opencl:0.0", "(small) cannot be used: it lacks work-groups of 128 (it has 64)");
    refuses("opencl:1.0", "(large) cannot be used: it lacks OpenCL 1.2");
    refuses("gpu", "no GPU");
}

static void test_names_are_printable(void **state)
{
    (void)state;
    struct clb_device_info *infos;
    int count;
    support_opencl.gpus[0].name = " \033[31mred\n\xff";
    OK(clb_device_list(&infos, &count));
    assert_string_equal(infos[1].name, "?[31mred??");
    free(infos);
}

static int run(const char *command)
{
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A driver that crashes when it is loaded is not loaded where nobody asks for it. */
static void test_broken_driver(void **state)
{
    (void)state;
    setenv("OCL_ICD_VENDORS", TEST_BROKEN_DRIVERS, 1);
    assert_int_equal(run(TEST_PROGRAM " verify --device cpu --tiny >/dev/null"), 0);
    assert_true(run(TEST_PROGRAM " devices >/dev/null 2>&1") >= 128);
    unsetenv("OCL_ICD_VENDORS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cpu_leaves_opencl_alone, setup),
        cmocka_unit_test_setup(test_no_platform, setup),
        cmocka_unit_test_setup(test_platforms_fail, setup),
        cmocka_unit_test_setup(test_devices_fail, setup),
        cmocka_unit_test_setup(test_device_info_fails, setup),
        cmocka_unit_test_setup(test_what_kernels_need, setup),
        cmocka_unit_test_setup(test_names_are_printable, setup),
        cmocka_unit_test(test_broken_driver),
    };
    unsetenv("CLBERT_OPENCL_SHAPE");
    return cmocka_run_group_tests_name("opencl_faults", tests, NULL, NULL);
}
