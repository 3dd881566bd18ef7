/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_gemm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- parts of the table ---- */

json_t *ocl_gemm_results(json_t *all, enum clb_type type)
{
    const char *name = clb_type_name(type);
    json_t *results = json_object_get(all, name);
    if (results) return results;
    json_object_set_new(all, name, json_pack("{s:[], s:[], s:[]}", "wrong", "failed", "products"));
    return json_object_get(all, name);
}

bool ocl_gemm_is_noted(const json_t *results, const char *list, const char *candidate)
{
    const json_t *names = json_object_get(results, list), *name;
    size_t i;
    json_array_foreach((json_t *)names, i, name)
    {
        if (strcmp(json_string_value(name), candidate) == 0) return true;
    }
    return false;
}

void ocl_gemm_note(json_t *results, const char *list, const char *candidate)
{
    if (!ocl_gemm_is_noted(results, list, candidate))
        json_array_append_new(json_object_get(results, list), json_string(candidate));
}

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool is_of_shape(const json_t *product, const struct ocl_gemm_shape *s)
{
    return strcmp(json_string_value(json_object_get(product, "kind")),
                  ocl_gemm_kind_names[s->kind]) == 0 &&
           integer(product, "m") == s->m && integer(product, "n") == s->n &&
           integer(product, "k") == s->k;
}

json_t *ocl_gemm_rates(json_t *results, const struct ocl_gemm_shape *s, bool make)
{
    json_t *products = json_object_get(results, "products"), *product;
    size_t i;
    json_array_foreach(products, i, product)
    {
        if (is_of_shape(product, s)) return json_object_get(product, "gflops");
    }
    if (!make) return NULL;
    product = json_pack("{s:s, s:I, s:I, s:I, s:{}}", "kind", ocl_gemm_kind_names[s->kind], "m",
                        (json_int_t)s->m, "n", (json_int_t)s->n, "k", (json_int_t)s->k, "gflops");
    json_array_append_new(products, product);
    return json_object_get(product, "gflops");
}

/* ---- on disk ---- */

static char *path_of(const struct clb_device_info *info, const struct ocl_shape *shape)
{
    char key[OCL_OPTIONS_SIZE];
    ocl_shape_options(shape, key);
    return ocl_cache_path(info, "products", key, strlen(key));
}

static bool are_strings(const json_t *list)
{
    const json_t *string;
    size_t i;
    json_array_foreach((json_t *)list, i, string) if (!json_is_string(string)) return false;
    return json_is_array(list);
}

static bool is_product(const json_t *product)
{
    const json_t *gflops = json_object_get(product, "gflops"), *rate;
    const char *name;
    json_object_foreach((json_t *)gflops, name, rate) if (!json_is_number(rate)) return false;
    return json_is_object(gflops) && json_is_string(json_object_get(product, "kind"));
}

static bool is_table(const json_t *all)
{
    const json_t *results, *product;
    const char *type;
    size_t i;
    json_object_foreach((json_t *)all, type, results)
    {
        const json_t *products = json_object_get(results, "products");
        if (!are_strings(json_object_get(results, "wrong")) ||
            !are_strings(json_object_get(results, "failed")) || !json_is_array(products))
            return false;
        json_array_foreach((json_t *)products, i, product) if (!is_product(product)) return false;
    }
    return json_is_object(all);
}

json_t *ocl_gemm_load(const struct clb_device_info *info, const struct ocl_shape *shape)
{
    size_t size = 0;
    char *path = path_of(info, shape), *bytes = ocl_cache_read(path, &size);
    json_t *all = bytes ? json_loadb(bytes, size, 0, NULL) : NULL;
    if (bytes && !is_table(all)) {
        unlink(path);
        json_decref(all);
        all = NULL;
    }
    free(bytes);
    free(path);
    return all ? all : json_object();
}

void ocl_gemm_save(const struct clb_device_info *info, const struct ocl_shape *shape,
                   const json_t *all)
{
    char *path = path_of(info, shape), *text = json_dumps(all, 0);
    if (path && text) ocl_cache_write(path, text, strlen(text));
    free(text);
    free(path);
}

/* ---- in words ---- */

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    const size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, size - length, format, args);
    va_end(args);
}

static void append_noted(char *text, size_t size, const json_t *results, const char *list,
                         const char *what)
{
    const json_t *name;
    size_t i;
    json_array_foreach(json_object_get(results, list), i, name)
        append(text, size, "; %s %s here", json_string_value(name), what);
}

/* Products that a candidate does, and their time for each 10^9 operations. */
struct tally {
    const char *name;
    int count;
    double seconds;
};
enum { TALLIES = 8 };

static void count_in(struct tally tallies[TALLIES], const char *name, double gflops)
{
    int i = 0;
    while (i < TALLIES - 1 && tallies[i].name && strcmp(tallies[i].name, name) != 0) i++;
    tallies[i].name = name;
    tallies[i].count++;
    if (gflops > 0.0) tallies[i].seconds += 1.0 / gflops;
}

static void append_tallies(char *text, size_t size, const struct tally tallies[TALLIES],
                           const json_t *results)
{
    for (int i = 0; i < TALLIES && tallies[i].name; i++) {
        const struct tally *t = &tallies[i];
        append(text, size, "%s%s", i > 0 ? ", " : "", t->name);
        if (t->seconds > 0.0)
            append(text, size, " (%.3g GFLOP/s in %d product%s)", t->count / t->seconds, t->count,
                   t->count == 1 ? "" : "s");
    }
    append_noted(text, size, results, "wrong", "is wrong");
    append_noted(text, size, results, "failed", "failed");
}

static void append_type(char *text, size_t size, enum clb_type type)
{
    if (text[0] || type != CLB_F32)
        append(text, size, "%s%s: ", text[0] ? "; " : "", clb_type_name(type));
}

void ocl_gemm_append_choices(char *text, size_t size, enum clb_type type,
                             const struct ocl_gemm_choices *choices, const json_t *results)
{
    struct tally tallies[TALLIES] = {{0}};
    append_type(text, size, type);
    for (int i = 0; i < choices->count; i++)
        count_in(tallies, choices->of[i].candidate->name, choices->of[i].gflops);
    append_tallies(text, size, tallies, results);
    if (choices->how) append(text, size, "%s", choices->how);
}

/* The fastest of a product. */
static void count_product(struct tally tallies[TALLIES], const json_t *results, json_t *rates)
{
    const char *name, *fastest = NULL;
    double best = 0.0;
    json_t *rate;
    json_object_foreach(rates, name, rate)
    {
        if (json_number_value(rate) <= best || ocl_gemm_is_noted(results, "wrong", name)) continue;
        best = json_number_value(rate);
        fastest = name;
    }
    if (fastest) count_in(tallies, fastest, best);
}

void ocl_gemm_describe_cached(struct clb_device_info *info, const struct ocl_shape *shape)
{
    static const enum clb_type types[] = {CLB_F32, CLB_TF32, CLB_BF16, CLB_F16};
    json_t *all = ocl_gemm_load(info, shape), *product;
    info->gemm[0] = 0;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const json_t *results = json_object_get(all, clb_type_name(types[t]));
        struct tally tallies[TALLIES] = {{0}};
        size_t i;
        json_array_foreach(json_object_get(results, "products"), i, product)
            count_product(tallies, results, json_object_get(product, "gflops"));
        if (!tallies[0].name) continue;
        append_type(info->gemm, sizeof info->gemm, types[t]);
        append_tallies(info->gemm, sizeof info->gemm, tallies, results);
    }
    json_decref(all);
}
