/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/log.h"
#include "compute/opencl/ocl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* clang-format off */
#define OCL_SOURCES(X)                                                                             \
    X(OCL_LINEAR, linear) X(OCL_GEMM, gemm) X(OCL_GEMM_MATRIX, gemm_matrix)                        \
    X(OCL_ACTIVATION, activation) X(OCL_EMBEDDING, embedding) X(OCL_NORM, norm)                    \
    X(OCL_ATTENTION, attention) X(OCL_ATTENTION_WIDE, attention_wide) X(OCL_ROWS, rows)            \
    X(OCL_LOSS, loss) X(OCL_BUFFERS, buffers) X(OCL_OPTIMIZER, optimizer) X(OCL_RANDOM, random)    \
    X(OCL_PEAK, peak)
/* clang-format on */

#define OCL_EXTERN(id, name)                                                                       \
    extern const char kernels_##name[];                                                            \
    extern const size_t kernels_##name##_size;
OCL_SOURCES(OCL_EXTERN)
OCL_EXTERN(, vectors)
OCL_EXTERN(, types)
OCL_EXTERN(, philox)
OCL_EXTERN(, epilogue)
#undef OCL_EXTERN

static const struct source {
    const char *name, *text;
    const size_t *size;
} sources[] = {
#define OCL_SOURCE(id, name) [id] = {#name ".cl", kernels_##name, &kernels_##name##_size},
    OCL_SOURCES(OCL_SOURCE)
#undef OCL_SOURCE
};

struct named_kernel {
    const char *name;
    cl_kernel kernel;
};

enum { KERNELS_PER_PROGRAM = 12 };

struct ocl_program {
    struct ocl_program *next;
    enum ocl_source source;
    char options[OCL_SOURCE_OPTIONS_SIZE];
    cl_program program;
    struct named_kernel kernels[KERNELS_PER_PROGRAM];
    int count;
};

/* ---- the cache of binaries ---- */

/* NVIDIA's driver has a cache of its own; PoCL's binaries give up what it knows of this CPU. */
static bool cache_helps(const struct ocl_device *device)
{
    return !strstr(device->base.info.vendor, "NVIDIA") &&
           !strstr(device->base.info.platform, "Portable Computing Language");
}

static cl_program program_of(struct ocl_device *device, const char *bytes, size_t size,
                             const char *options)
{
    cl_int error, binary_status = CL_SUCCESS;
    const unsigned char *binary = (const unsigned char *)bytes;
    cl_program program = clCreateProgramWithBinary(device->context, 1, &device->id, &size, &binary,
                                                   &binary_status, &error);
    if (error != CL_SUCCESS) return NULL;
    if (binary_status == CL_SUCCESS &&
        clBuildProgram(program, 1, &device->id, options, NULL, NULL) == CL_SUCCESS)
        return program;
    clReleaseProgram(program);
    return NULL;
}

/* NULL where there is none; one that the driver does not take is deleted. */
static cl_program load_binary(struct ocl_device *device, const char *path, const char *options)
{
    size_t size = 0;
    char *bytes = ocl_cache_read(path, &size);
    cl_program program = bytes ? program_of(device, bytes, size, options) : NULL;
    if (bytes && !program) unlink(path);
    free(bytes);
    return program;
}

static void save_binary(cl_program program, const char *path)
{
    size_t size = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0)
        return;
    unsigned char *binary = malloc(size);
    if (binary &&
        clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        ocl_cache_write(path, binary, size);
    free(binary);
}

/* ---- building ---- */

static enum clb_status build_failed(struct ocl_device *device, cl_program program, const char *name,
                                    const char *options, cl_int error)
{
    size_t size = 0;
    char *log = NULL;
    clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    if (size) log = calloc(1, size + 1);
    if (log) clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    enum clb_status status =
        clb_fail(CLB_ERROR_DEVICE, "%s (%s): %s does not compile with %s: %s: %.500s",
                 device->base.info.selector, device->base.info.name, name, options,
                 ocl_error_name(error), log ? log : "no log");
    free(log);
    return status;
}

/* Seconds of compiling are saved for the next start under a name made of all that matters. */
static enum clb_status build(struct ocl_device *device, const struct source *source,
                             const char *options, cl_program *out)
{
    const char *parts[] = {ocl_prelude,    kernels_vectors,  kernels_types,
                           kernels_philox, kernels_epilogue, source->text};
    const size_t sizes[] = {strlen(ocl_prelude), kernels_vectors_size,  kernels_types_size,
                            kernels_philox_size, kernels_epilogue_size, *source->size};
    enum { PARTS = sizeof sizes / sizeof *sizes };
    XXH64_hash_t key = XXH64(options, strlen(options), 0);
    char *path = NULL;
    cl_int error;
    for (int i = 0; i < PARTS; i++) key = XXH64(parts[i], sizes[i], key);
    if (cache_helps(device)) path = ocl_cache_path(&device->base.info, "kernels", &key, sizeof key);
    *out = path ? load_binary(device, path, options) : NULL;
    if (*out) {
        free(path);
        return CLB_OK;
    }
    if (path && !device->said_compiling)
        base_log("%s (%s): compiling kernels; they are kept for the next start",
                 device->base.info.selector, device->base.info.name);
    device->said_compiling = true;
    cl_program program =
        clCreateProgramWithSource(device->context, PARTS, (const char **)parts, sizes, &error);
    enum clb_status status = ocl_check(device, error, "create a program");
    if (status == CLB_OK) {
        error = clBuildProgram(program, 1, &device->id, options, NULL, NULL);
        if (error != CL_SUCCESS) {
            status = build_failed(device, program, source->name, options, error);
            clReleaseProgram(program);
        }
    }
    if (status == CLB_OK && path) save_binary(program, path);
    if (status == CLB_OK) *out = program;
    free(path);
    return status;
}

static bool is_intels_compiler(const struct clb_device_info *info)
{
    return info->is_gpu && strstr(info->platform, "Intel(R) OpenCL");
}

static enum clb_status find_program(struct ocl_device *device, enum ocl_source source,
                                    const char *options, struct ocl_program **out)
{
    for (struct ocl_program *p = device->programs; p; p = p->next) {
        *out = p;
        if (p->source == source && strcmp(p->options, options) == 0) return CLB_OK;
    }
    struct ocl_program *program = calloc(1, sizeof *program);
    char all[OCL_OPTIONS_SIZE];
    if (!program) return clb_fail(CLB_ERROR_MEMORY, "kernels: out of memory");
    ocl_shape_options(device->shape, all);
    snprintf(all + strlen(all), sizeof all - strlen(all), " %s", options);
    if (is_intels_compiler(&device->base.info))
        snprintf(all + strlen(all), sizeof all - strlen(all), " %s",
                 ocl_intel_options(sources[source].name));
    program->source = source;
    snprintf(program->options, sizeof program->options, "%s", options);
    enum clb_status status = build(device, &sources[source], all, &program->program);
    if (status != CLB_OK) {
        free(program);
        return status;
    }
    program->next = device->programs;
    device->programs = program;
    *out = program;
    return CLB_OK;
}

enum clb_status ocl_kernel(struct ocl_device *device, enum ocl_source source, const char *options,
                           const char *name, cl_kernel *kernel)
{
    struct ocl_program *program = NULL;
    cl_int error;
    enum clb_status status = find_program(device, source, options, &program);
    if (status != CLB_OK) return status;
    for (int i = 0; i < program->count; i++) {
        *kernel = program->kernels[i].kernel;
        if (strcmp(program->kernels[i].name, name) == 0) return CLB_OK;
    }
    if (program->count == KERNELS_PER_PROGRAM)
        return clb_fail(CLB_ERROR_DEVICE, "%s: too many kernels", sources[source].name);
    *kernel = clCreateKernel(program->program, name, &error);
    status = ocl_check(device, error, name);
    if (status == CLB_OK) program->kernels[program->count++] = (struct named_kernel){name, *kernel};
    return status;
}

void ocl_programs_release(struct ocl_device *device)
{
    while (device->programs) {
        struct ocl_program *program = device->programs;
        device->programs = program->next;
        for (int i = 0; i < program->count; i++) clReleaseKernel(program->kernels[i].kernel);
        clReleaseProgram(program->program);
        free(program);
    }
}
