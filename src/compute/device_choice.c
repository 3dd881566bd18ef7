/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/device_choice.h"

#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
    const struct clb_device_info *infos;
    int count;
    const struct base_failure *problem;
};

bool device_is_word(const char *selector, const char *word)
{
    return strcasecmp(selector, word) == 0;
}

bool device_is_index(const char *selector, unsigned *platform, unsigned *device)
{
    char rest;
    return strncasecmp(selector, "opencl:", 7) == 0 && isdigit((unsigned char)selector[7]) &&
           sscanf(selector + 7, "%u.%u%c", platform, device, &rest) == 2;
}

/* ---- which is better ---- */

static bool is_vendor(const struct clb_device_info *info, const char *vendor)
{
    return strcasestr(info->vendor, vendor) ||
           (strcmp(vendor, "AMD") == 0 && strcasestr(info->vendor, "Advanced Micro Devices"));
}

static int lanes(const struct clb_device_info *info)
{
    const bool rdna = strncmp(info->name, "gfx1", 4) == 0 && strlen(info->name) >= 7;
    if (!info->is_gpu) return strcasestr(info->name, "llvmpipe") ? 1 : 8; /* of the same CPU */
    if (is_vendor(info, "NVIDIA") || (is_vendor(info, "AMD") && rdna)) return 128;
    return is_vendor(info, "Intel") ? 8 : 64;
}

static double speed(const struct clb_device_info *info)
{
    const int clock = info->clock_mhz > 0 ? info->clock_mhz : 1000;
    return (double)info->compute_units * clock * lanes(info);
}

static int kind(const struct clb_device_info *info)
{
    return info->is_gpu ? (info->is_integrated ? 1 : 2) : 0;
}

bool device_is_better(const struct clb_device_info *a, const struct clb_device_info *b)
{
    if (kind(a) != kind(b)) return kind(a) > kind(b);
    if (speed(a) != speed(b)) return speed(a) > speed(b);
    return a->memory_bytes > b->memory_bytes;
}

/* ---- sets of devices ---- */

typedef bool (*belongs)(const struct clb_device_info *info, const char *word);

static bool is_opencl(const struct clb_device_info *info, const char *word)
{
    (void)word;
    return !info->is_cpu_path;
}

static bool is_gpu(const struct clb_device_info *info, const char *word)
{
    (void)word;
    return info->is_gpu;
}

static bool is_integrated(const struct clb_device_info *info, const char *word)
{
    (void)word;
    return info->is_gpu && info->is_integrated;
}

static bool is_gpu_of(const struct clb_device_info *info, const char *vendor)
{
    return info->is_gpu && is_vendor(info, vendor);
}

static bool is_named(const struct clb_device_info *info, const char *name)
{
    return strcasecmp(info->name, name) == 0;
}

static bool mentions(const struct clb_device_info *info, const char *part)
{
    return *part && (strcasestr(info->name, part) || strcasestr(info->platform, part));
}

/* How many belong to the set; the best of them, or the one of that number. */
static int find(const struct list *list, belongs belongs, const char *word, int number, int *found)
{
    int matches = 0;
    *found = -1;
    for (int i = 0; i < list->count; i++) {
        const struct clb_device_info *info = &list->infos[i];
        if (!belongs(info, word)) continue;
        if (number < 0 ? *found < 0 || device_is_better(info, &list->infos[*found])
                       : matches == number)
            *found = i;
        matches++;
    }
    return matches;
}

/* ---- words ---- */

static const char no_nvidia[] = "NVIDIA's cards are used by OpenCL here, not CUDA, as --device "
                                "nvidia or opencl; none is found: "
                                "the card's driver must bring its OpenCL along";
static const char no_amd[] =
    "AMD's cards are used by OpenCL here, as --device amd or opencl; none is found: install ROCm's "
    "OpenCL or Mesa's rusticl";
static const char no_intel[] =
    "Intel's GPUs are used by OpenCL here, as --device intel or opencl; none is found: install "
    "intel-opencl-icd";

static const struct word {
    const char *word;
    belongs belongs;
    const char *argument;
    const char *none; /* what to say where there is none; NULL: it may still be part of a name */
} words[] = {
    {"gpu", is_gpu, "", "no GPU is found by OpenCL; install its vendor's OpenCL driver"},
    {"igpu", is_integrated, "", "no integrated GPU is found by OpenCL"},
    {"nvidia", is_gpu_of, "NVIDIA", no_nvidia},
    {"cuda", is_gpu_of, "NVIDIA", no_nvidia},
    {"amd", is_gpu_of, "AMD", NULL},
    {"rocm", is_gpu_of, "AMD", no_amd},
    {"hip", is_gpu_of, "AMD", no_amd},
    {"intel", is_gpu_of, "Intel", NULL},
    {"xpu", is_gpu_of, "Intel", no_intel},
};

/* Whether the selector is the word, or the word with ":N": the number, -1 without one. */
static bool is_numbered(const char *selector, const char *word, int *number)
{
    const size_t length = strlen(word);
    char rest;
    *number = -1;
    if (strncasecmp(selector, word, length) != 0) return false;
    return selector[length] == 0 ||
           (selector[length] == ':' && isdigit((unsigned char)selector[length + 1]) &&
            sscanf(selector + length + 1, "%d%c", number, &rest) == 1);
}

/* ---- choosing ---- */

static void append(char *text, size_t size, const char *what)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", what);
}

/* Lists the devices of a set, all of them without one. */
static enum clb_status refuse(const struct list *list, const char *selector, const char *why,
                              belongs belongs)
{
    char choices[500] = "", problem[160] = "";
    for (int i = 0; i < list->count; i++) {
        char line[sizeof list->infos->selector + sizeof list->infos->name + 8];
        if (belongs && !belongs(&list->infos[i], selector)) continue;
        snprintf(line, sizeof line, ", %s (%s)", list->infos[i].selector, list->infos[i].name);
        append(choices, sizeof choices, line + (*choices || !belongs ? 0 : 2));
    }
    if (list->problem->status != CLB_OK)
        snprintf(problem, sizeof problem, "; %.150s", list->problem->message);
    return clb_fail(CLB_ERROR_ARGUMENT, "device \"%.80s\": %s; there are: %s%s%s", selector, why,
                    belongs           ? ""
                    : list->count > 1 ? "auto, opencl"
                                      : "auto",
                    choices, problem);
}

static enum clb_status choose_word(const struct list *list, const char *selector, int *chosen,
                                   char *reason, size_t size)
{
    *chosen = -1;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        int number;
        if (!is_numbered(selector, words[i].word, &number)) continue;
        find(list, words[i].belongs, words[i].argument, number, chosen);
        if (*chosen < 0 && words[i].none) return refuse(list, selector, words[i].none, NULL);
        if (*chosen >= 0)
            snprintf(reason, size, "%s: asked for by \"%.80s\", found by OpenCL",
                     list->infos[*chosen].name, selector);
    }
    return CLB_OK;
}

static enum clb_status choose_name(const struct list *list, const char *selector, int *chosen,
                                   char *reason, size_t size)
{
    snprintf(reason, size, "asked for by \"%.80s\"", selector);
    if (find(list, is_named, selector, -1, chosen) == 1) return CLB_OK;
    switch (find(list, mentions, selector, -1, chosen)) {
    case 0:
        return refuse(list, selector, "is unknown", NULL);
    case 1:
        return CLB_OK;
    default:
        return refuse(list, selector, "is ambiguous", mentions);
    }
}

enum clb_status device_choose(const char *selector, const struct clb_device_info *infos, int count,
                              const struct base_failure *problem, int *chosen, char *reason,
                              size_t size)
{
    const struct list list = {infos, count, problem};
    if (device_is_word(selector, "auto")) {
        find(&list, is_gpu, "", -1, chosen);
        if (*chosen >= 0)
            snprintf(reason, size, "%s: a GPU, found by OpenCL", infos[*chosen].name);
        else
            snprintf(reason, size, "the CPU path: no GPU among %d OpenCL devices", count - 1);
        if (*chosen < 0) *chosen = 0;
        return CLB_OK;
    }
    if (device_is_word(selector, "opencl")) {
        find(&list, is_opencl, "", -1, chosen);
        if (*chosen < 0)
            return refuse(&list, selector,
                          "no OpenCL device on this machine; install the vendor's driver, or "
                          "pocl-opencl-icd",
                          NULL);
        snprintf(reason, size, "%s: the best of %d OpenCL devices", infos[*chosen].name, count - 1);
        return CLB_OK;
    }
    enum clb_status status = choose_word(&list, selector, chosen, reason, size);
    if (status != CLB_OK || *chosen >= 0) return status;
    return choose_name(&list, selector, chosen, reason, size);
}
