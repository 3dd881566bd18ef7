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

/* Whether all products of that kind are multiplied in one way. */
static bool is_uniform(const struct ocl_gemm_choices *choices, enum ocl_gemm_kind kind)
{
    const struct ocl_gemm_candidate *first = NULL;
    for (int i = 0; i < choices->count; i++) {
        if (choices->of[i].shape.kind != kind) continue;
        if (first && choices->of[i].candidate != first) return false;
        first = choices->of[i].candidate;
    }
    return true;
}

/* "fp32 nt=tile 14x32, fp32 nn 4096x768x768=clblast, ..." */
static void write_choices(FILE *stream, enum clb_type type, const struct ocl_gemm_choices *choices,
                          const char **comma)
{
    bool told[OCL_GEMM_KINDS] = {false};
    for (int i = 0; i < choices->count; i++) {
        const struct ocl_gemm_choice *c = &choices->of[i];
        const bool uniform = is_uniform(choices, c->shape.kind);
        if (uniform && told[c->shape.kind]) continue;
        told[c->shape.kind] = true;
        fprintf(stream, "%s%s %s", *comma, clb_type_name(type), ocl_gemm_kind_names[c->shape.kind]);
        if (!uniform)
            fprintf(stream, " %lldx%lldx%lld", (long long)c->shape.m, (long long)c->shape.n,
                    (long long)c->shape.k);
        fprintf(stream, "=%s", c->candidate->name);
        *comma = ", ";
    }
}

enum clb_status ocl_gemm_products(const struct clb_device *base, char **record)
{
    const struct ocl_device *device = (const struct ocl_device *)base;
    char *who = identity(device);
    const char *comma = "";
    size_t size = 0;
    FILE *stream = open_memstream(record, &size);
    bool any = false;
    for (int type = 0; type < OCL_GEMM_TYPES; type++) any |= device->gemm->choices[type].count > 0;
    if (stream && who && any) fprintf(stream, "%s%s", who, separator);
    for (int type = 0; stream && type < OCL_GEMM_TYPES; type++)
        write_choices(stream, (enum clb_type)type, &device->gemm->choices[type], &comma);
    const bool written = stream && fclose(stream) == 0 && who;
    free(who);
    if (written) return CLB_OK;
    if (stream) free(*record);
    return clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
}

static enum clb_status not_honoured(const struct ocl_device *device, const char *why,
                                    const char *what)
{
    return clb_fail(CLB_ERROR_DEVICE, "%s (%s) cannot take the products of before: %s%.300s",
                    device->base.info.selector, device->base.info.name, why, what);
}

/* ---- reading ---- */

/* One entry of the list; of an old record without a type, CLB_I32 stands for that. */
struct entry {
    enum clb_type type;
    struct ocl_gemm_shape shape;
    char name[OCL_CLBLAST_NAME];
};

static bool named(const char *word, const char *name)
{
    return name && strcmp(word, name) == 0;
}

static bool read_entry(const char *text, struct entry *entry)
{
    char words[2][8] = {"", ""}, *kind = words[0];
    long long m = 0, n = 0, k = 0;
    const char *equals = strchr(text, '=');
    *entry = (struct entry){.type = CLB_I32, .shape = {.kind = OCL_GEMM_KINDS}};
    if (!equals) return false;
    if (sscanf(text, "%7[a-z0-9] %7[a-z] %lldx%lldx%lld", words[0], words[1], &m, &n, &k) >= 2) {
        kind = words[1];
        for (int type = 0; type < OCL_GEMM_TYPES; type++)
            if (named(words[0], clb_type_name((enum clb_type)type)))
                entry->type = (enum clb_type)type;
        if (entry->type == CLB_I32) return false;
    }
    for (int i = 0; i < OCL_GEMM_KINDS; i++)
        if (named(kind, ocl_gemm_kind_names[i])) entry->shape.kind = (enum ocl_gemm_kind)i;
    entry->shape.m = m;
    entry->shape.n = n;
    entry->shape.k = k;
    snprintf(entry->name, sizeof entry->name, "%.*s", (int)strcspn(equals + 1, ","), equals + 1);
    return entry->shape.kind < OCL_GEMM_KINDS && m >= 0 && n >= 0 && k >= 0 && (m > 0) == (n > 0) &&
           (m > 0) == (k > 0);
}

/* Puts one entry among the choices, where it can be. */
static enum clb_status take_entry(struct ocl_device *device, const struct entry *entry,
                                  const struct ocl_gemm_candidate *only, const char *list,
                                  struct ocl_gemm *gemm)
{
    const enum clb_type type = entry->type == CLB_I32 ? CLB_F32 : entry->type;
    const struct ocl_gemm_candidate *candidate = ocl_gemm_find(device, entry->name);
    struct ocl_gemm_choices *choices = &gemm->choices[type];
    if (!candidate || !ocl_gemm_takes(device, candidate, type) || choices->count == OCL_GEMM_SHAPES)
        return not_honoured(device, "there is no such product here: ", list);
    if (only && ocl_gemm_for_type(device, only, type) != candidate &&
        (only->run != ocl_gemm_clblast || candidate->run != ocl_gemm_clblast))
        return not_honoured(device, "CLBERT_GEMM forces another than ", list);
    for (int i = 0; i < choices->count; i++)
        if (choices->of[i].candidate->run == ocl_gemm_clblast &&
            candidate->run == ocl_gemm_clblast && choices->of[i].candidate != candidate)
            return not_honoured(device, "CLBlast cannot have several parameters: ", list);
    gemm->for_all_types |= entry->type == CLB_I32;
    choices->how = " (as recorded)";
    choices->of[choices->count++] =
        (struct ocl_gemm_choice){.shape = entry->shape, .candidate = candidate};
    return CLB_OK;
}

/* Every type that is there has all kinds: a run that has one trains, and needs them. */
static bool is_whole(const struct ocl_gemm *gemm)
{
    int types = 0;
    for (int type = 0; type < OCL_GEMM_TYPES; type++) {
        const struct ocl_gemm_choices *choices = &gemm->choices[type];
        unsigned kinds = 0;
        for (int i = 0; i < choices->count; i++) kinds |= 1u << choices->of[i].shape.kind;
        if (kinds != 0 && kinds != (1u << OCL_GEMM_KINDS) - 1) return false;
        types += kinds != 0;
    }
    return types > 0;
}

static enum clb_status read_choices(struct ocl_device *device, const char *list,
                                    struct ocl_gemm *gemm)
{
    const struct ocl_gemm_candidate *only;
    struct entry entry;
    enum clb_status status;
    CLB_TRY(ocl_gemm_forced(&only));
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (!read_entry(at, &entry))
            CLB_TRY(not_honoured(device, "there is no such product here: ", list));
        CLB_TRY(take_entry(device, &entry, only, list, gemm));
    }
    if (!is_whole(gemm)) CLB_TRY(not_honoured(device, "there is no such product here: ", list));
cleanup:
    return status;
}

/* ---- taking ---- */

/* Each one is compared with a product on the host, as ever before it is used. */
static enum clb_status check_type(struct ocl_device *device, enum clb_type type,
                                  const struct ocl_gemm_choices *choices)
{
    struct ocl_gemm_bench *bench = NULL;
    enum clb_status status;
    if (choices->count == 0) return CLB_OK;
    CLB_TRY(ocl_gemm_bench_open(device, type, &bench));
    for (int i = 0; i < choices->count; i++) {
        const struct ocl_gemm_candidate *candidate = choices->of[i].candidate;
        bool right = true, checked = false;
        for (int j = 0; j < i; j++) checked |= choices->of[j].candidate == candidate;
        if (!checked) CLB_TRY(ocl_gemm_bench_check(bench, candidate, &right));
        if (!right) CLB_TRY(not_honoured(device, "wrong results come from ", candidate->name));
    }
cleanup:
    ocl_gemm_bench_close(bench);
    return status;
}

static enum clb_status take_record(struct ocl_device *device, const char *record)
{
    struct ocl_gemm *gemm = calloc(1, sizeof *gemm);
    char *who = identity(device);
    const size_t length = who ? strlen(who) : 0;
    enum clb_status status;
    if (!gemm || !who) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "products: out of memory"));
    memcpy(gemm->expected, device->gemm->expected, sizeof gemm->expected);
    if (!*record) CLB_TRY(not_honoured(device, "none are recorded, as of the CPU path", ""));
    if (strncmp(record, who, length) != 0 ||
        strncmp(record + length, separator, strlen(separator)) != 0)
        CLB_TRY(not_honoured(device, "they are those of ", record));
    CLB_TRY(read_choices(device, record + length + strlen(separator), gemm));
    for (int type = 0; type < OCL_GEMM_TYPES; type++)
        CLB_TRY(check_type(device, (enum clb_type)type, &gemm->choices[type]));
    for (int type = 0; type < OCL_GEMM_TYPES; type++)
        if (gemm->choices[type].count > 0)
            ocl_gemm_append_choices(gemm->text, sizeof gemm->text, (enum clb_type)type,
                                    &gemm->choices[type], NULL);
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
