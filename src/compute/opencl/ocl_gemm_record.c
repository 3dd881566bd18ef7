/* SPDX-License-Identifier: Apache-2.0 */
/* A choice of products as a line of text, to go on with the same ones in another process. */
#include "base/error.h"
#include "base/files.h"
#include "compute/opencl/ocl_gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char separator[] = " | ";

/* What must be the same for products to be: malloc'd. */
static char *identity(const struct ocl_device *device)
{
    const struct clb_device_info *info = &device->base.info;
    return base_format("%s, %s, %s, %s, %s", info->platform, info->name, info->driver,
                       info->version, device->shape->name);
}

enum clb_status ocl_gemm_products(const struct clb_device *base, char **record)
{
    const struct ocl_device *device = (const struct ocl_device *)base;
    const struct ocl_gemm *gemm = device->gemm;
    char *who = identity(device);
    *record =
        !who    ? NULL
        : !gemm ? strdup("")
                : base_format("%s%s%s=%s, %s=%s, %s=%s", who, separator, ocl_gemm_kind_names[0],
                              gemm->chosen[0]->name, ocl_gemm_kind_names[1], gemm->chosen[1]->name,
                              ocl_gemm_kind_names[2], gemm->chosen[2]->name);
    free(who);
    return *record ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
}

static enum clb_status not_honoured(const struct ocl_device *device, const char *why,
                                    const char *what)
{
    return clb_fail(CLB_ERROR_DEVICE, "%s (%s) cannot take the products of before: %s%.300s",
                    device->base.info.selector, device->base.info.name, why, what);
}

/* The name behind "nt=", up to the next comma. */
static bool read_name(const char *list, const char *kind, char *name, size_t size)
{
    const size_t length = strlen(kind);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (strncmp(at, kind, length) != 0 || at[length] != '=') continue;
        snprintf(name, size, "%.*s", (int)strcspn(at + length + 1, ","), at + length + 1);
        return true;
    }
    return false;
}

static enum clb_status read_choice(const struct ocl_device *device, const char *list,
                                   struct ocl_gemm *gemm)
{
    const struct ocl_gemm_candidate *only;
    enum clb_status status;
    CLB_TRY(ocl_gemm_forced(&only));
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) {
        char name[48] = "";
        if (read_name(list, ocl_gemm_kind_names[kind], name, sizeof name))
            gemm->chosen[kind] = ocl_gemm_find(device->shape, name);
        if (!gemm->chosen[kind])
            CLB_TRY(not_honoured(device, "there is no such product here: ", list));
        if (only && only != gemm->chosen[kind])
            CLB_TRY(not_honoured(device, "CLBERT_GEMM forces another than ", list));
    }
cleanup:
    return status;
}

/* Each one is compared with a product on the host, as ever before it is used. */
static enum clb_status check_choice(struct ocl_device *device, const struct ocl_gemm *gemm)
{
    enum clb_status status = CLB_OK;
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) {
        bool right = true, checked = false;
        for (int i = 0; i < kind; i++) checked |= gemm->chosen[i] == gemm->chosen[kind];
        if (!checked) CLB_TRY(ocl_gemm_check(device, gemm->chosen[kind], CLB_F32, &right));
        if (!right)
            CLB_TRY(not_honoured(device, "wrong results come from ", gemm->chosen[kind]->name));
    }
cleanup:
    return status;
}

static enum clb_status take_record(struct ocl_device *device, const char *record)
{
    struct ocl_gemm *gemm = calloc(1, sizeof *gemm);
    char *who = identity(device);
    const size_t length = who ? strlen(who) : 0;
    enum clb_status status;
    if (!gemm || !who) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "products: out of memory"));
    if (!*record) CLB_TRY(not_honoured(device, "none are recorded, as of the CPU path", ""));
    if (strncmp(record, who, length) != 0 ||
        strncmp(record + length, separator, strlen(separator)) != 0)
        CLB_TRY(not_honoured(device, "they are those of ", record));
    CLB_TRY(read_choice(device, record + length + strlen(separator), gemm));
    CLB_TRY(check_choice(device, gemm));
    snprintf(gemm->text, sizeof gemm->text, "%s (as recorded)",
             record + length + strlen(separator));
    free(device->gemm);
    device->gemm = gemm;
    gemm = NULL;
cleanup:
    free(gemm);
    free(who);
    return status;
}

enum clb_status ocl_gemm_use_products(struct clb_device *base, const char *record, bool *honoured)
{
    *honoured = take_record(ocl_device(base), record) == CLB_OK;
    return CLB_OK;
}
