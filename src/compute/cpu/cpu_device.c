/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU path's device: memory is the host's, work is done at once, and the kernels are those of
 * the best instruction set that this CPU has. */
#include "base/error.h"
#include "base/threads.h"
#include "compute/cpu/cpu_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* ---- instruction sets ---- */

struct isa {
    const char *name;
    bool (*supported)(void);
    void (*fill)(struct clb_backend *backend);
    const struct cpu_engine *bf16; /* or NULL: by fp32 arithmetic */
};

#if defined(__x86_64__)
void cpu_backend_fill_v2(struct clb_backend *backend);
void cpu_backend_fill_v3(struct clb_backend *backend);
void cpu_backend_fill_v4(struct clb_backend *backend);

static bool has_v2(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}

static bool has_v3(void)
{
    unsigned eax, ebx, ecx, edx;
    return has_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_MOVBE) && (ecx & bit_F16C) &&
           __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & bit_LZCNT);
}

static bool has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}

static bool has_bf16(void)
{
    unsigned eax, ebx, ecx, edx;
    return has_v4() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1u << 5);
}

/* The kernel saves and restores AMX's registers for those alone who have asked it to. */
static bool has_amx(void)
{
    enum { ASK_FOR_COMPONENT = 0x1023, TILE_DATA = 18 }; /* of arch_prctl */
    const unsigned wanted = 1u << 22 | 1u << 24;         /* AMX-BF16, AMX-TILE */
    unsigned eax, ebx, ecx, edx;
    return has_v4() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (edx & wanted) == wanted && syscall(SYS_arch_prctl, ASK_FOR_COMPONENT, TILE_DATA) == 0;
}

static const struct isa isas[] = {
    {"x86-64-v4+amx", has_amx, cpu_backend_fill_v4, &cpu_engine_bf16_amx},
    {"x86-64-v4+bf16", has_bf16, cpu_backend_fill_v4, &cpu_engine_bf16_dot},
    {"x86-64-v4", has_v4, cpu_backend_fill_v4, NULL},
    {"x86-64-v3", has_v3, cpu_backend_fill_v3, NULL},
    {"x86-64-v2", has_v2, cpu_backend_fill_v2, NULL},
};
#else
void cpu_backend_fill_native(struct clb_backend *backend);

static bool always(void)
{
    return true;
}

static const struct isa isas[] = {{"native", always, cpu_backend_fill_native, NULL}};
#endif
enum { ISA_COUNT = sizeof isas / sizeof *isas };

/* The best, or the one that CLBERT_ISA asks for; NULL with the message left. */
static const struct isa *choose_isa(void)
{
    const char *asked = getenv("CLBERT_ISA");
    for (int i = 0; i < ISA_COUNT; i++) {
        if (asked && *asked && strcmp(asked, isas[i].name) != 0) continue;
        if (isas[i].supported()) return &isas[i];
        if (asked && *asked) {
            clb_fail(CLB_ERROR_ARGUMENT, "CLBERT_ISA=%s: this CPU has not got it", asked);
            return NULL;
        }
    }
    char names[128] = "";
    for (int i = 0; i < ISA_COUNT; i++) {
        strcat(names, i ? ", " : "");
        strcat(names, isas[i].name);
    }
    clb_fail(CLB_ERROR_ARGUMENT, "CLBERT_ISA=%s is none of %s", asked ? asked : "", names);
    return NULL;
}

/* ---- life ---- */

static void read_cpu_name(char *name, size_t size)
{
    char line[256];
    FILE *stream = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "CPU");
    while (stream && fgets(line, sizeof line, stream)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value[strcspn(value, "\n")] = 0;
        snprintf(name, size, "%s", value + 2);
        break;
    }
    if (stream) fclose(stream);
}

void cpu_device_describe(int threads, struct clb_device_info *info)
{
    const struct isa *isa = choose_isa();
    *info = (struct clb_device_info){.is_cpu_path = true};
    snprintf(info->selector, sizeof info->selector, "cpu");
    read_cpu_name(info->name, sizeof info->name);
    snprintf(info->vendor, sizeof info->vendor, "clbert");
    snprintf(info->driver, sizeof info->driver, "clbert %s, plain C", clb_version());
    snprintf(info->version, sizeof info->version, "%s", isa ? isa->name : "unknown CLBERT_ISA");
    snprintf(info->gemm, sizeof info->gemm, "packed register tile");
    info->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    info->max_allocation_bytes = info->memory_bytes;
    info->compute_units = base_threads(threads);
    info->scratch_bytes = 2 * cpu_packed_bytes(info->compute_units);
}

static void cpu_close(struct clb_device *device)
{
    struct cpu_device *cpu = (struct cpu_device *)device;
    cpu_pool_destroy(cpu->pool);
    for (int i = 0; i < CPU_WORKSPACE_SLOTS; i++) free(cpu->workspace[i]);
    free((void *)device->backend);
    free(cpu);
}

static enum clb_status cpu_finish(struct clb_device *device)
{
    (void)device;
    return CLB_OK;
}

static void cpu_describe(struct clb_device *device)
{
    (void)device;
}

/* ---- memory ---- */

static void *allocate_aligned(int64_t bytes)
{
    size_t align = (size_t)bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    void *memory = aligned_alloc(align, ((size_t)bytes + align - 1) / align * align);
    if (memory && align == HUGE_PAGE) madvise(memory, (size_t)bytes, MADV_HUGEPAGE);
    return memory;
}

static enum clb_status cpu_allocate(struct clb_device *device, int64_t bytes, void **memory)
{
    (void)device;
    *memory = allocate_aligned(bytes);
    return *memory ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
}

static enum clb_status cpu_slice(struct clb_device *device, void *memory, int64_t offset,
                                 int64_t bytes, void **slice)
{
    (void)device;
    (void)bytes;
    *slice = (char *)memory + offset;
    return CLB_OK;
}

static void cpu_release_slice(struct clb_device *device, void *slice)
{
    (void)device;
    (void)slice;
}

static void cpu_release(struct clb_device *device, void *memory)
{
    (void)device;
    free(memory);
}

static enum clb_status cpu_write(struct clb_device *device, void *memory, const void *host,
                                 int64_t bytes)
{
    (void)device;
    memcpy(memory, host, (size_t)bytes);
    return CLB_OK;
}

static enum clb_status cpu_read(struct clb_device *device, void *memory, int64_t offset, void *host,
                                int64_t bytes)
{
    (void)device;
    memcpy(host, (const char *)memory + offset, (size_t)bytes);
    return CLB_OK;
}

static enum clb_status cpu_allocate_host(struct clb_device *device, int64_t bytes, void **handle,
                                         void **host)
{
    *handle = NULL;
    return cpu_allocate(device, bytes, host);
}

static void cpu_release_host(struct clb_device *device, void *handle, void *host)
{
    (void)handle;
    cpu_release(device, host);
}

static enum clb_status cpu_send(struct clb_device *device, void *memory, const void *host,
                                int64_t bytes, void **sent)
{
    *sent = NULL;
    return cpu_write(device, memory, host, bytes);
}

static enum clb_status cpu_wait_sent(struct clb_device *device, void *sent)
{
    (void)device;
    (void)sent;
    return CLB_OK;
}

float *cpu_workspace(struct clb_device *device, enum cpu_workspace_slot slot, int64_t floats)
{
    struct cpu_device *cpu = (struct cpu_device *)device;
    if (floats <= cpu->workspace_floats[slot]) return cpu->workspace[slot];
    free(cpu->workspace[slot]);
    cpu->workspace[slot] = allocate_aligned(4 * floats);
    cpu->workspace_floats[slot] = cpu->workspace[slot] ? floats : 0;
    if (!cpu->workspace[slot])
        clb_fail(CLB_ERROR_MEMORY, "scratch of %lld MiB: out of memory", (long long)(floats >> 18));
    return cpu->workspace[slot];
}

enum clb_status cpu_device_open(int threads, struct clb_device **device)
{
    const struct isa *isa = choose_isa();
    if (!isa) return CLB_ERROR_ARGUMENT;
    if (threads < 0 || threads > CLB_MOST_THREADS)
        return clb_fail(CLB_ERROR_ARGUMENT, "%d threads: should be 1 to %d, or 0 for all cores",
                        threads, CLB_MOST_THREADS);
    struct cpu_device *cpu = calloc(1, sizeof *cpu);
    struct clb_backend *backend = calloc(1, sizeof *backend);
    if (!cpu || !backend) {
        free(cpu);
        free(backend);
        return clb_fail(CLB_ERROR_MEMORY, "cpu: out of memory");
    }
    *backend = (struct clb_backend){.name = "cpu",
                                    .close = cpu_close,
                                    .finish = cpu_finish,
                                    .describe = cpu_describe,
                                    .allocate = cpu_allocate,
                                    .slice = cpu_slice,
                                    .release_slice = cpu_release_slice,
                                    .release = cpu_release,
                                    .write = cpu_write,
                                    .read = cpu_read,
                                    .allocate_host = cpu_allocate_host,
                                    .release_host = cpu_release_host,
                                    .send = cpu_send,
                                    .wait_sent = cpu_wait_sent,
                                    .flush = cpu_finish,
                                    .multiplies = 1u << CLB_F32 | 1u << CLB_TF32 | 1u << CLB_BF16 |
                                                  1u << CLB_F16};
    isa->fill(backend);
    cpu->bf16_engine = isa->bf16;
    cpu_device_describe(threads, &cpu->base.info);
    cpu->base.backend = backend;
    cpu->threads = cpu->base.info.compute_units;
    const enum clb_status status = cpu_pool_create(cpu->threads, &cpu->pool);
    if (status != CLB_OK) {
        cpu_close(&cpu->base);
        return status;
    }
    *device = &cpu->base;
    return CLB_OK;
}
