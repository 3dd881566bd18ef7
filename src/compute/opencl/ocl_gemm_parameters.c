/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of CLBlast's fp32 product: those of its kernels "Xgemm", which wants its operands
 * rearranged first, and "XgemmDirect", which takes them as they are, and the size above which the
 * former is used. CLBlast wants all of a kernel's at once. Its own choice cannot be asked for
 * through its C interface, nor be had back in a process that has given it others. */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

#include <clblast_c.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of `parameters`. */
enum {
    GEMMK,
    KREG,
    KWG,
    KWI,
    MDIMA,
    MDIMC,
    MWG,
    NDIMB,
    NDIMC,
    NWG,
    SA,
    SB,
    STRM,
    STRN,
    VWM,
    VWN,
    XGEMM,
    KWID = XGEMM,
    MDIMAD,
    MDIMCD,
    NDIMBD,
    NDIMCD,
    PADA,
    PADB,
    VWMD,
    VWND,
    WGD,
    DIRECT,
    SWITCH = DIRECT,
};
_Static_assert(SWITCH + 1 == OCL_CLBLAST_PARAMETERS, "a value for every parameter");

/* GEMMK 1, a kernel of its own with KREG, is left out: it ends PoCL 3.1's processes. */
static const struct {
    const char *name;
    int values[6], count; /* worth trying */
} parameters[OCL_CLBLAST_PARAMETERS] = {
    {"GEMMK", {0}, 1},
    {"KREG", {1}, 1},
    {"KWG", {16, 32}, 2},
    {"KWI", {2, 8}, 2},
    {"MDIMA", {8, 16, 32}, 3},
    {"MDIMC", {8, 16, 32}, 3},
    {"MWG", {16, 32, 64, 128}, 4},
    {"NDIMB", {8, 16, 32}, 3},
    {"NDIMC", {8, 16, 32}, 3},
    {"NWG", {16, 32, 64, 128}, 4},
    {"SA", {0, 1}, 2},
    {"SB", {0, 1}, 2},
    {"STRM", {0, 1}, 2},
    {"STRN", {0, 1}, 2},
    {"VWM", {1, 2, 4, 8}, 4},
    {"VWN", {1, 2, 4, 8}, 4},
    {"KWID", {2, 8, 16}, 3},
    {"MDIMAD", {8, 16, 32}, 3},
    {"MDIMCD", {8, 16, 32}, 3},
    {"NDIMBD", {8, 16, 32}, 3},
    {"NDIMCD", {8, 16, 32}, 3},
    {"PADA", {0, 1}, 2},
    {"PADB", {0, 1}, 2},
    {"VWMD", {1, 2, 4, 8}, 4},
    {"VWND", {1, 2, 4, 8}, 4},
    {"WGD", {8, 16, 32, 64}, 4},
    {"XGEMM_MIN_INDIRECT_SIZE", {512, 1024, 2048}, 3},
};

static const struct {
    const char *name;
    int first, end;
} kernels[] = {
    {"Xgemm", 0, XGEMM}, {"XgemmDirect", XGEMM, DIRECT}, {"GemmRoutine", SWITCH, SWITCH + 1}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* The switch of a set that always, or never, rearranges. */
enum { ALWAYS = 1, NEVER = 1 << 16 };

/* Known to be good somewhere, of the vendors in turn. Those without local memory come last: CPUs'
 * compilers need half a minute for one. */
static const int xgemm[][XGEMM] = {
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},    /* Pascal, AMD, Intel */
    {0, 1, 16, 2, 16, 16, 64, 16, 8, 128, 1, 1, 1, 0, 4, 8},  /* Maxwell */
    {0, 1, 16, 2, 16, 32, 128, 32, 8, 64, 1, 1, 1, 1, 4, 2},  /* Hawaii */
    {0, 1, 16, 2, 8, 16, 128, 8, 8, 128, 1, 1, 1, 1, 4, 8},   /* Titan X */
    {0, 1, 16, 2, 16, 8, 64, 32, 32, 128, 1, 1, 1, 0, 4, 4},  /* Iris Pro */
    {0, 1, 16, 2, 8, 8, 128, 8, 8, 128, 1, 1, 1, 0, 1, 8},    /* CPUs */
    {0, 1, 16, 2, 32, 16, 128, 32, 8, 128, 1, 1, 1, 0, 4, 1}, /* Pascal */
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 2, 4},    /* Fiji */
    {0, 1, 16, 8, 16, 8, 128, 32, 16, 64, 1, 1, 1, 1, 4, 1},  /* Iris */
    {0, 1, 32, 2, 16, 8, 64, 8, 8, 64, 1, 1, 1, 1, 4, 8},     /* Pascal */
    {0, 1, 16, 8, 16, 8, 64, 16, 16, 128, 1, 1, 1, 0, 2, 4},  /* Kepler */
    {0, 1, 16, 2, 32, 16, 64, 32, 16, 128, 1, 1, 1, 0, 2, 4}, /* Oland */
    {0, 1, 32, 2, 32, 8, 128, 8, 8, 128, 1, 1, 1, 1, 2, 8},   /* CPUs */
    {0, 1, 32, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4},      /* P100 */
    {0, 1, 32, 2, 8, 8, 16, 16, 16, 64, 1, 1, 0, 0, 1, 2},    /* Ellesmere */
    {0, 1, 32, 2, 8, 8, 128, 32, 16, 64, 0, 0, 1, 0, 4, 2},   /* HD 530 */
    {0, 1, 32, 2, 16, 32, 128, 16, 8, 64, 0, 0, 0, 0, 4, 1},  /* Tahiti */
    {0, 1, 32, 2, 8, 8, 32, 8, 8, 64, 0, 0, 0, 0, 4, 4},      /* AMD, CPUs */
};
static const int direct[][DIRECT - XGEMM] = {
    {2, 8, 8, 8, 8, 1, 1, 4, 4, 32},    /* Maxwell, CPUs */
    {2, 8, 8, 8, 8, 1, 1, 4, 2, 32},    /* Pascal */
    {2, 16, 16, 8, 8, 1, 1, 2, 4, 32},  /* Iris Pro */
    {2, 16, 16, 8, 8, 1, 1, 1, 1, 16},  /* Fiji */
    {16, 8, 8, 16, 16, 1, 1, 1, 1, 32}, /* P100 */
    {8, 8, 16, 8, 8, 1, 0, 2, 2, 32},   /* AMD */
    {2, 8, 8, 16, 8, 0, 0, 4, 4, 64},   /* CPUs */
};
enum { XGEMMS = sizeof xgemm / sizeof *xgemm, DIRECTS = sizeof direct / sizeof *direct };

/* ---- sets ---- */

static bool is_multiple(int of, int a, int b)
{
    return of % (a * b) == 0;
}

/* Whole vectors a work-item, and whole rows a step of the work-group: of one operand. */
static bool loads(int side, int depth, int across, int items, int vector)
{
    return is_multiple(side, across, vector) && items % across == 0 &&
           depth % (items / across) == 0;
}

static bool xgemm_fits(const int *v, const struct ocl_limits *limits)
{
    const int items = v[MDIMC] * v[NDIMC];
    return v[KWG] % v[KWI] == 0 && is_multiple(v[MWG], v[MDIMC], v[VWM]) &&
           is_multiple(v[NWG], v[NDIMC], v[VWN]) &&
           loads(v[MWG], v[KWG], v[MDIMA], items, v[VWM]) &&
           loads(v[NWG], v[KWG], v[NDIMB], items, v[VWN]) && items <= limits->items &&
           4 * v[KWG] * (v[SA] * v[MWG] + v[SB] * v[NWG]) <= limits->local_bytes;
}

static bool direct_fits(const int *v, const struct ocl_limits *limits)
{
    const int items = v[MDIMCD] * v[NDIMCD];
    return v[WGD] % v[KWID] == 0 && is_multiple(v[WGD], v[MDIMCD], v[VWMD]) &&
           is_multiple(v[WGD], v[NDIMCD], v[VWND]) &&
           loads(v[WGD], v[WGD], v[MDIMAD], items, v[VWMD]) &&
           loads(v[WGD], v[WGD], v[NDIMBD], items, v[VWND]) && items <= limits->items &&
           4 * v[WGD] * (2 * v[WGD] + v[PADA] + v[PADB]) <= limits->local_bytes;
}

/* Both kernels are compiled, whichever is used. */
bool ocl_clblast_fits(const struct ocl_clblast *set, const struct ocl_limits *limits)
{
    for (int p = 0; p < SWITCH; p++) {
        bool known = false;
        for (int i = 0; i < parameters[p].count; i++)
            known |= set->values[p] == parameters[p].values[i];
        if (!known) return false;
    }
    return set->values[SWITCH] >= ALWAYS && set->values[SWITCH] <= NEVER &&
           xgemm_fits(set->values, limits) && direct_fits(set->values, limits);
}

void ocl_clblast_name(const struct ocl_clblast *set, char name[OCL_CLBLAST_NAME])
{
    size_t length = (size_t)snprintf(name, OCL_CLBLAST_NAME, "clblast ");
    for (int p = 0; p < OCL_CLBLAST_PARAMETERS && length < OCL_CLBLAST_NAME; p++)
        length += (size_t)snprintf(name + length, OCL_CLBLAST_NAME - length, "%s%d", p ? "." : "",
                                   set->values[p]);
}

bool ocl_clblast_read(const char *name, struct ocl_clblast *set)
{
    static const char prefix[] = "clblast ";
    char canonical[OCL_CLBLAST_NAME];
    const char *at = name + strlen(prefix);
    if (strncmp(name, prefix, strlen(prefix)) != 0) return false;
    for (int p = 0; p < OCL_CLBLAST_PARAMETERS; p++) {
        char *end;
        set->values[p] = (int)strtol(at, &end, 10);
        if (end == at) return false;
        at = end + (*end == '.');
    }
    ocl_clblast_name(set, canonical);
    return strcmp(canonical, name) == 0; /* however written */
}

/* ---- what is searched ---- */

bool ocl_clblast_known(int i, struct ocl_clblast *set)
{
    const bool is_direct = i >= XGEMMS;
    if (i >= XGEMMS + DIRECTS) return false;
    memcpy(set->values, xgemm[is_direct ? 0 : i], sizeof *xgemm);
    memcpy(set->values + XGEMM, direct[is_direct ? i - XGEMMS : 0], sizeof *direct);
    set->values[SWITCH] = is_direct ? NEVER : ALWAYS;
    return true;
}

bool ocl_clblast_is_direct(const struct ocl_clblast *set)
{
    return set->values[SWITCH] == NEVER;
}

bool ocl_clblast_is_indirect(const struct ocl_clblast *set)
{
    return set->values[SWITCH] == ALWAYS;
}

bool ocl_clblast_mixed(const struct ocl_clblast *indirect, const struct ocl_clblast *direct_set,
                       int i, struct ocl_clblast *set)
{
    if (i >= parameters[SWITCH].count) return false;
    *set = *indirect;
    memcpy(set->values + XGEMM, direct_set->values + XGEMM, sizeof *direct);
    set->values[SWITCH] = parameters[SWITCH].values[i];
    return true;
}

/* Of a kernel that is never used nothing is changed. */
bool ocl_clblast_neighbour(const struct ocl_clblast *of, int i, struct ocl_clblast *set)
{
    const int first = ocl_clblast_is_direct(of) ? XGEMM : 0;
    const int end = ocl_clblast_is_indirect(of) ? XGEMM : DIRECT;
    for (int p = first; p < end; i -= parameters[p++].count)
        if (i < parameters[p].count) {
            *set = *of;
            set->values[p] = parameters[p].values[i];
            return true;
        }
    return false;
}

/* ---- giving them to CLBlast ---- */

/* Its choices are the process's, for each device. */
static struct {
    cl_device_id device;
    struct ocl_clblast set;
} in_force[16];
enum { IN_FORCE = sizeof in_force / sizeof *in_force };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static CLBlastStatusCode override(cl_device_id device, const struct ocl_clblast *set)
{
    CLBlastStatusCode code = CLBlastSuccess;
    for (int k = 0; k < KERNELS && code == CLBlastSuccess; k++) {
        const char *names[OCL_CLBLAST_PARAMETERS];
        size_t values[OCL_CLBLAST_PARAMETERS], count = 0;
        for (int p = kernels[k].first; p < kernels[k].end; p++) {
            names[count] = parameters[p].name;
            values[count++] = (size_t)set->values[p];
        }
        code = CLBlastOverrideParameters(device, kernels[k].name, CLBlastPrecisionSingle, count,
                                         names, values);
    }
    return code;
}

static enum clb_status use(struct ocl_device *device, const struct ocl_clblast *set)
{
    int i = 0;
    while (i < IN_FORCE && in_force[i].device && in_force[i].device != device->id) i++;
    const bool any = i < IN_FORCE && in_force[i].device;
    if (set ? any && memcmp(&in_force[i].set, set, sizeof *set) == 0 : !any) return CLB_OK;
    if (!set || i == IN_FORCE)
        return clb_fail(CLB_ERROR_DEVICE,
                        "%s (%s): CLBlast was given other parameters in this process and cannot "
                        "have these; begin a new process",
                        device->base.info.selector, device->base.info.name);
    const CLBlastStatusCode code = override(device->id, set);
    if (code != CLBlastSuccess)
        return clb_fail(CLB_ERROR_DEVICE,
                        "%s (%s): this version of CLBlast does not take the parameters that were "
                        "found: error %d",
                        device->base.info.selector, device->base.info.name, (int)code);
    in_force[i].device = device->id;
    in_force[i].set = *set;
    return CLB_OK;
}

enum clb_status ocl_clblast_use(struct ocl_device *device, const struct ocl_clblast *set)
{
    pthread_mutex_lock(&lock);
    const enum clb_status status = use(device, set);
    pthread_mutex_unlock(&lock);
    return status;
}
