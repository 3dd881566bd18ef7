/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of products and the compiled kernels: kept on disk, damaged there, recorded and taken
 * again. On the best OpenCL device, where there is one. */
#include "base/files.h"
#include "compute/opencl/ocl_gemm.h"
#include "support_opencl.h"
#include "support_operation.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char cache[] = "/tmp/clbert-test-XXXXXX"; /* XDG_CACHE_HOME */
static char file[512];                           /* what find_file found */

/* Whether the cache has a file of that beginning. */
static bool find_file(const char *prefix)
{
    char directory[128];
    bool found = false;
    snprintf(directory, sizeof directory, "%s/clbert", cache);
    DIR *stream = opendir(directory);
    for (struct dirent *entry; stream && !found && (entry = readdir(stream));) {
        found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
        snprintf(file, sizeof file, "%s/%.300s", directory, entry->d_name);
    }
    if (stream) closedir(stream);
    return found;
}

/* Damages the file that was found, in one of these ways; -1: all but its head. */
enum { DAMAGES = 5 };
static void damage_file(int how)
{
    char *bytes;
    size_t size;
    OK(base_file_read(file, "cache", 1 << 26, &bytes, &size));
    if (how == 0) size = 0;
    if (how == 1) size = 10;
    if (how == 2) size -= 1;
    if (how == 3) bytes[size - 1] ^= 1;
    if (how == 4) bytes[9] ^= 1;
    if (how < 0) memset(bytes + 24, '\033', size - 24);
    OK(base_file_write(file, bytes, size));
    free(bytes);
}

static int setup(void **state)
{
    (void)state;
    support_opencl = (struct support_opencl){.times = -1};
    char *directory = base_format("%s/clbert", cache);
    OK(base_remove_tree(directory));
    free(directory);
    return 0;
}

static struct clb_device *open_device(void)
{
    struct clb_device *device;
    OK(clb_device_open("opencl", 0, &device));
    return device;
}

/* out = x weight^T: a product, which makes the device choose. */
static enum clb_status multiply(struct clb_device *device, float out[35 * 9])
{
    struct support_call call = support_open(device);
    support_floats(&call, 35, 9);
    support_floats(&call, 35, 17);
    support_floats(&call, 9, 17);
    support_upload(&call);
    enum clb_status status =
        clb_linear_forward(&call.t[0], NULL, &call.t[1], &call.t[2], NULL, CLB_ACTIVATION_NONE);
    if (status == CLB_OK) OK(clb_tensor_read(call.t[0], out, 35 * 9));
    support_close(&call);
    return status;
}

static char *record_of(struct clb_device *device)
{
    char *record;
    OK(clb_device_products(device, &record));
    return record;
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* ---- records ---- */

static void test_cpu_path(void **state)
{
    (void)state;
    struct clb_device *device;
    bool honoured;
    OK(clb_device_open("cpu", 1, &device));
    char *record = record_of(device);
    assert_string_equal(record, "");
    OK(clb_device_use_products(device, record, &honoured));
    assert_true(honoured);
    OK(clb_device_use_products(device, "another | nt=clblast\033", &honoured));
    assert_false(honoured);
    assert_says(clb_error_message(), "another | nt=clblast?");
    free(record);
    clb_device_close(device);
}

/* Replaces the ways of a record. */
static char *with_ways(const char *record, const char *ways)
{
    char *text = malloc(strlen(record) + strlen(ways) + 1);
    strcpy(text, record);
    strcpy(strstr(text, " | ") + 3, ways);
    return text;
}

/* Products are taken as recorded: nothing is measured, and the bits are the same. */
static void test_record(void **state)
{
    (void)state;
    float first[35 * 9], second[35 * 9];
    bool honoured;
    setenv("CLBERT_GEMM", "tile6x16", 1);
    struct clb_device *device = open_device();
    char *before = record_of(device);
    OK(multiply(device, first));
    char *record = record_of(device);
    unsetenv("CLBERT_GEMM");
    clb_device_close(device);
    assert_string_equal(before, "");
    assert_says(record, ", wide | fp32 nt=tile 6x16, fp32 nn=tile 6x16, fp32 tn=tile 6x16");
    char *mixed = with_ways(record, "fp32 nt 4096x768x768=tile 14x32, fp32 nt "
                                    "8x8x8=tile 6x16, fp32 nn=tile 6x16, fp32 tn=tile 14x32");
    char *old = with_ways(record, "nt=tile 6x16, nn=tile 6x16, tn=tile 6x16");
    const char *records[] = {record, mixed, old};
    for (int i = 0; i < 3; i++) {
        device = open_device();
        OK(clb_device_use_products(device, records[i], &honoured));
        assert_true(honoured);
        OK(multiply(device, second));
        assert_memory_equal(first, second, sizeof first);
        char *again = record_of(device);
        assert_string_equal(i == 2 ? record : records[i], again);
        assert_says(clb_device_info(device)->gemm, "(as recorded)");
        free(again);
        clb_device_close(device);
    }
    assert_false(find_file("products-"));
    free(before);
    free(record);
    free(mixed);
    free(old);
}

static void refused(struct clb_device *device, const char *record, const char *why)
{
    bool honoured;
    OK(clb_device_use_products(device, record, &honoured));
    assert_false(honoured);
    assert_says(clb_error_message(), why);
}

static void test_record_refused(void **state)
{
    (void)state;
    setenv("CLBERT_GEMM", "tile", 1);
    float out[35 * 9];
    struct clb_device *device = open_device();
    OK(multiply(device, out));
    char *record = record_of(device);
    char *unknown = with_ways(record, "nt=magic, nn=tile 14x32, tn=tile 14x32");
    char *missing = with_ways(record, "nt=tile 14x32");
    char *another = with_ways(record, "nt=tile 14x32, nn=tile 14x32, tn=tile 6x16");
    char *other_device = strdup(record);
    other_device[0] = 'X';
    refused(device, "", "none are recorded");
    refused(device, "\033[31m", "?[31m");
    refused(device, other_device, "they are those of X");
    refused(device, unknown, "no such product here: nt=magic");
    refused(device, missing, "no such product here: nt=tile 14x32");
    refused(device, another, "CLBERT_GEMM forces another");
    unsetenv("CLBERT_GEMM");
    char *wrong = with_ways(record, "nt=tile 14x32, nn=tile 14x32, tn=clblast");
    refused(device, wrong, "wrong results come from clblast");
    OK(multiply(device, out)); /* as it was before */
    free(wrong);
    clb_device_close(device);
    free(record);
    free(unknown);
    free(missing);
    free(another);
    free(other_device);
}

/* ---- measuring, with calls that fail and results that are wrong ---- */

/* What `call` writes to standard error. */
static char *errors_of(void (*call)(struct clb_device *device), struct clb_device *device)
{
    static char text[4096];
    FILE *stream = tmpfile();
    const int saved = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(stream), STDERR_FILENO);
    call(device);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = 0;
    fclose(stream);
    return text;
}

static void multiply_once(struct clb_device *device)
{
    float out[35 * 9];
    OK(multiply(device, out));
}

/* What the list of devices says of the device's products. */
static const char *listed(void)
{
    static char text[sizeof((struct clb_device_info *)0)->gemm];
    struct clb_device_info *infos;
    int count;
    OK(clb_device_list(&infos, &count));
    memcpy(text, infos[1].gemm, sizeof text);
    free(infos);
    return text;
}

/* A call that fails says nothing about a way to multiply: the next process measures it again. */
static void test_failure_is_not_kept(void **state)
{
    (void)state;
    support_opencl.failing = "CLBlast";
    support_opencl.error = CL_OUT_OF_RESOURCES;
    struct clb_device *device = open_device();
    const char *errors = errors_of(multiply_once, device);
    assert_says(errors, "measuring matrix products of fp32, once for this device");
    assert_says(errors, "clblast failed while it was measured");
    assert_says(errors, "error -5");
    assert_says(clb_device_info(device)->gemm, "clblast failed here");
    assert_false(find_file("products-"));
    clb_device_close(device);
}

/* One that works a moment later is measured then. Wrong numbers are kept; but a table that is
 * damaged, or that of another shape, says nothing. */
static void test_table_is_kept(void **state)
{
    (void)state;
    support_opencl.failing = "clEnqueueNDRangeKernel";
    support_opencl.kernel = "register_product";
    support_opencl.error = CL_OUT_OF_RESOURCES;
    support_opencl.times = 1;
    struct clb_device *device = open_device();
    multiply_once(device);
    assert_int_equal(support_opencl.times, 0);
    assert_says(clb_device_info(device)->gemm, " GFLOP/s in ");
    assert_null(strstr(clb_device_info(device)->gemm, "failed"));
    clb_device_close(device);
    device = open_device();
    assert_string_equal(errors_of(multiply_once, device), "");
    assert_says(clb_device_info(device)->gemm, "clblast is wrong here");
    clb_device_close(device);
    assert_says(listed(), "clblast is wrong here");
    setenv("CLBERT_OPENCL_SHAPE", "group", 1);
    assert_string_equal(listed(), "");
    setenv("CLBERT_OPENCL_SHAPE", "wide", 1);
    assert_true(find_file("products-"));
    damage_file(-1);
    assert_string_equal(listed(), "");
    assert_false(find_file("products-"));
}

/* ---- matrix engines ---- */

static const struct ocl_gemm_candidate *candidate_of(const char *name)
{
    const struct ocl_gemm_candidate *candidate = ocl_gemm_candidates;
    while (strcmp(candidate->name, name) != 0) candidate++;
    return candidate;
}

static enum clb_status check(struct clb_device *device, const struct ocl_gemm_candidate *candidate,
                             bool *right)
{
    struct ocl_gemm_bench *bench = NULL;
    OK(ocl_gemm_bench_open(ocl_device(device), CLB_BF16, &bench));
    const enum clb_status status = ocl_gemm_bench_check(bench, candidate, right);
    ocl_gemm_bench_close(bench);
    return status;
}

/* A driver may promise an engine that its compiler does not know. */
static void test_engine_that_is_not_there(void **state)
{
    (void)state;
    const struct ocl_gemm_candidate *dpas = candidate_of("dpas16 128x128");
    bool right;
    setenv("CLBERT_OPENCL_SHAPE", "group", 1);
    struct clb_device *device = open_device();
    assert_false(ocl_gemm_takes(ocl_device(device), dpas, CLB_BF16));
    clb_device_close(device);
    support_opencl.extensions = "cl_intel_subgroup_matrix_multiply_accumulate";
    device = open_device();
    assert_true(ocl_gemm_takes(ocl_device(device), dpas, CLB_BF16));
    assert_false(ocl_gemm_takes(ocl_device(device), dpas, CLB_F32));
    assert_int_equal(check(device, dpas, &right), CLB_ERROR_DEVICE);
    assert_says(clb_error_message(), "gemm_matrix.cl does not compile");
    clb_device_close(device);
    setenv("CLBERT_OPENCL_SHAPE", "wide", 1);
}

static enum clb_status multiply_nothing(struct ocl_device *device,
                                        const struct ocl_gemm_candidate *candidate,
                                        const struct ocl_product *product)
{
    (void)device, (void)candidate, (void)product;
    return CLB_OK;
}

/* Products are compared with the host's: by an engine, and by none. */
static void test_check_of_an_engine(void **state)
{
    (void)state;
    struct ocl_gemm_candidate wrong = *candidate_of("mma 64x64");
    struct clb_device *device = open_device();
    bool right = false;
    OK(check(device, &wrong, &right));
    assert_true(right);
    wrong.run = multiply_nothing;
    OK(check(device, &wrong, &right));
    assert_false(right);
    clb_device_close(device);
}

/* ---- the shapes of a model ---- */

/* Whether the kept table has a text. */
static bool kept(const char *text)
{
    char *bytes;
    size_t size;
    assert_true(find_file("products-"));
    OK(base_file_read(file, "cache", 1 << 26, &bytes, &size));
    const bool found = strstr(bytes + 24, text) != NULL;
    free(bytes);
    return found;
}

static void multiply_expecting(struct clb_device *device, int64_t outputs)
{
    const struct clb_layer layers[] = {
        {CLB_F32, 1500, outputs, 256, true},    /* of 1024 rows */
        {CLB_F32, 1500, outputs, 256, true},    /* again: the same shapes */
        {CLB_F32, 8, 8, 8, true},               /* too small */
        {CLB_F32, 100000, 256, 264, false},     /* of 4096 rows, forward alone */
        {CLB_BF16, 2048, outputs, 1024, true}}; /* of another type */
    float out[35 * 9];
    OK(clb_device_expect(device, layers, 5));
    OK(multiply(device, out));
}

static void expecting_512(struct clb_device *device)
{
    multiply_expecting(device, 512);
}

static void expecting_520(struct clb_device *device)
{
    multiply_expecting(device, 520);
}

/* What was told is measured, once, and nothing else. */
static void test_expected_shapes(void **state)
{
    (void)state;
    struct clb_device *device = open_device();
    assert_says(errors_of(expecting_512, device), "measuring matrix products of fp32");
    assert_says(clb_device_info(device)->gemm, "products");
    char *record = record_of(device);
    assert_null(strstr(record, "bf16"));
    free(record);
    clb_device_close(device);
    assert_true(kept("\"kind\": \"nt\", \"m\": 1024, \"n\": 512, \"k\": 256"));
    assert_true(kept("\"kind\": \"nn\", \"m\": 1024, \"n\": 256, \"k\": 512"));
    assert_true(kept("\"kind\": \"tn\", \"m\": 512, \"n\": 256, \"k\": 1024"));
    assert_true(kept("\"kind\": \"nt\", \"m\": 4096, \"n\": 256, \"k\": 264"));
    assert_false(kept("\"n\": 264"));
    assert_false(kept("\"n\": 8"));
    assert_false(kept("\"n\": 768"));
    device = open_device();
    assert_string_equal(errors_of(expecting_512, device), "");
    clb_device_close(device);
    device = open_device();
    assert_says(errors_of(expecting_520, device), "measuring matrix products of fp32");
    clb_device_close(device);
    assert_true(kept("\"n\": 512") && kept("\"n\": 520"));
}

/* ---- tuning ---- */

static struct clb_tuning tune(double seconds, const volatile sig_atomic_t *stop, const char *gemm)
{
    const struct clb_layer layer = {CLB_F32, 256, 256, 256, true};
    const struct clb_tuning_options options = {CLB_F32, seconds, stop};
    struct clb_tuning result;
    struct clb_device *device = open_device();
    OK(clb_device_expect(device, &layer, 1));
    OK(clb_device_tune(device, &options, &result));
    assert_says(clb_device_info(device)->gemm, gemm);
    assert_true(result.products == 3 && result.before > 0 && result.after >= result.before);
    clb_device_close(device);
    return result;
}

/* Every tile is tried once, whoever stops in between, and taken where it is the fastest. */
static void test_tune(void **state)
{
    (void)state;
    const volatile sig_atomic_t stop = 1;
    setenv("CLBERT_OPENCL_SHAPE", "group", 1);
    const struct clb_tuning none = tune(1e9, &stop, "local");
    assert_true(none.tried == 0 && none.left > 10 && none.faster == 0);
    const struct clb_tuning one = tune(1e-6, NULL, "local");
    assert_true(one.tried == 1 && one.left == none.left - 1);
    assert_true(kept("\"local 128x128x16x2\": "));
    const struct clb_tuning again = tune(0, NULL, "local");
    assert_true(again.tried == 0 && again.left == one.left && again.faster == one.faster);
    setenv("CLBERT_OPENCL_SHAPE", "wide", 1);
}

static void test_nothing_to_tune(void **state)
{
    (void)state;
    const struct clb_tuning_options options = {CLB_BF16, 1, NULL};
    const char *devices[] = {"cpu", "opencl"}, *says[] = {"one way", "no local memory"};
    for (int i = 0; i < 2; i++) {
        struct clb_tuning result;
        struct clb_device *device;
        OK(clb_device_open(devices[i], 1, &device));
        assert_int_equal(clb_device_tune(device, &options, &result), CLB_ERROR_ARGUMENT);
        assert_says(clb_error_message(), says[i]);
        clb_device_close(device);
    }
}

/* ---- CLBlast's parameters ---- */

#define SET "clblast 0.1.32.2.16.16.64.8.8.64.1.1.0.0.4.4.2.8.8.8.8.1.1.4.4.32.1"
#define ANOTHER "clblast 0.1.32.2.16.16.64.8.8.64.1.1.0.0.2.4.2.8.8.8.8.1.1.4.4.32.1"

/* The record of a device that has multiplied. */
static char *record_of_product(const char *error)
{
    struct clb_device *device = open_device();
    const char *errors = errors_of(multiply_once, device);
    if (error)
        assert_says(errors, error);
    else
        assert_string_equal(errors, "");
    char *record = record_of(device);
    clb_device_close(device);
    return record;
}

/* What is kept is given to CLBlast before its first product, and recorded. Last of all tests: this
 * process has no other CLBlast then. */
static void test_kept_parameters(void **state)
{
    (void)state;
    struct clb_device *device = open_device();
    json_t *all = json_pack("{s:{s:[], s:[], s:[], s:s}}", "fp32", "wrong", "failed", "products",
                            "clblast", SET);
    ocl_gemm_save(clb_device_info(device), ((struct ocl_device *)device)->shape, all);
    json_decref(all);
    clb_device_close(device);
    setenv("CLBERT_GEMM", "clblast", 1);
    support_opencl.failing = "CLBlastOverrideParameters";
    support_opencl.error = -2047;
    char *own = record_of_product("does not take the parameters that were found: error -2047; "
                                  "CLBlast's own choice is used");
    assert_says(own, "fp32 nt=clblast, fp32 nn=clblast, ");
    support_opencl.failing = NULL;
    char *record = record_of_product(NULL);
    assert_says(record, "fp32 nt=" SET ", fp32 nn=" SET ", fp32 tn=" SET);
    char *several = with_ways(record, "fp32 nt=" SET ", fp32 nn=" ANOTHER ", fp32 tn=" SET);
    char *unknown = with_ways(record, "fp32 nt=clblast 0.1, fp32 nn=" SET ", fp32 tn=" SET);
    device = open_device();
    refused(device, own, "begin a new process");
    refused(device, several, "CLBlast cannot have several parameters");
    refused(device, unknown, "there is no such product here");
    refused(device, record, "wrong results come from " SET); /* support_opencl.c's: nothing */
    clb_device_close(device);
    unsetenv("CLBERT_GEMM");
    free(own);
    free(record);
    free(several);
    free(unknown);
}

/* ---- kernels on disk ---- */

/* Opens the device and runs one kernel; how many programs were made of sources. */
static int compiled(void)
{
    const int before = support_opencl.sources;
    struct clb_device *device = open_device();
    struct support_call call = support_open(device);
    double ones[4] = {1, 1, 1, 1};
    support_floats(&call, 4, 1);
    support_upload(&call);
    OK(clb_fill(&call.t[0], 1));
    support_expect_same(&call, 0, ones);
    support_close(&call);
    clb_device_close(device);
    return support_opencl.sources - before;
}

/* PoCL's kernels are kept where it goes by another name. */
static void test_kernels_are_kept(void **state)
{
    (void)state;
    support_opencl.platform_name = "another";
    assert_int_equal(compiled(), 1);
    assert_int_equal(compiled(), 0);
    assert_int_equal(support_opencl.binaries, 1);
    for (int how = 0; how < DAMAGES; how++) {
        const int binaries = support_opencl.binaries;
        assert_true(find_file("kernels-"));
        damage_file(how);
        assert_int_equal(compiled(), 1);
        assert_int_equal(support_opencl.binaries, binaries); /* no driver sees it */
        assert_int_equal(compiled(), 0);
    }
}

static void test_refused_kernels_are_replaced(void **state)
{
    (void)state;
    static const char *const calls[] = {"clCreateProgramWithBinary", "clBuildProgram"};
    support_opencl.platform_name = "another";
    support_opencl.error = CL_INVALID_BINARY;
    assert_int_equal(compiled(), 1);
    for (int i = 0; i < 2; i++) {
        struct stat before, after;
        char *old = base_format("%s/old-%d", cache, i); /* keeps its number from being used again */
        assert_true(find_file("kernels-"));
        assert_int_equal(link(file, old), 0);
        assert_int_equal(stat(old, &before), 0);
        free(old);
        support_opencl.failing = calls[i];
        support_opencl.times = 1;
        assert_int_equal(compiled(), 1);
        assert_int_equal(stat(file, &after), 0);
        assert_true(before.st_ino != after.st_ino);
        assert_int_equal(compiled(), 0);
    }
}

/* Where clbert's files go, but not PoCL's: what that compiles for CLBlast takes long. */
static bool use_cache(void)
{
    const char *old = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *pocl = old ? base_format("%s/pocl/kcache", old)
                     : base_format("%s/.cache/pocl/kcache", home ? home : "/tmp");
    const bool done = mkdtemp(cache) && setenv("POCL_CACHE_DIR", pocl, 0) == 0 &&
                      setenv("XDG_CACHE_HOME", cache, 1) == 0;
    free(pocl);
    return done;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu_path),
        cmocka_unit_test_setup(test_record, setup),
        cmocka_unit_test_setup(test_record_refused, setup),
        cmocka_unit_test_setup(test_failure_is_not_kept, setup),
        cmocka_unit_test_setup(test_table_is_kept, setup),
        cmocka_unit_test_setup(test_engine_that_is_not_there, setup),
        cmocka_unit_test_setup(test_check_of_an_engine, setup),
        cmocka_unit_test_setup(test_expected_shapes, setup),
        cmocka_unit_test_setup(test_tune, setup),
        cmocka_unit_test_setup(test_nothing_to_tune, setup),
        cmocka_unit_test_setup(test_kernels_are_kept, setup),
        cmocka_unit_test_setup(test_refused_kernels_are_replaced, setup),
        cmocka_unit_test_setup(test_kept_parameters, setup),
    };
    const struct CMUnitTest without_opencl[] = {cmocka_unit_test(test_cpu_path)};
    const char *chosen = getenv("CLBERT_TEST_DEVICES");
    struct clb_device_info *infos = NULL;
    int count = 0, failed;
    unsetenv("CLBERT_GEMM");
    setenv("CLBERT_OPENCL_SHAPE", "wide", 1);
    if (!use_cache()) return 1;
    if (chosen && strcmp(chosen, "cpu") == 0) count = 1;
    if (count == 0 && clb_device_list(&infos, &count) != CLB_OK) return 1;
    free(infos);
    failed = count > 1 ? cmocka_run_group_tests_name("products", tests, NULL, NULL)
                       : cmocka_run_group_tests_name("products", without_opencl, NULL, NULL);
    base_remove_tree(cache);
    return failed;
}
