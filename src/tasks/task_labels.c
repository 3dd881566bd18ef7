/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "model/model_files.h"
#include "tasks/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "labels: out of memory");
}

int32_t task_labels_find(const struct task_labels *labels, const char *name)
{
    const json_t *id = json_object_get(labels->ids, name);
    return id ? (int32_t)json_integer_value(id) : -1;
}

enum clb_status task_labels_add(struct task_labels *labels, const char *name, int32_t *id)
{
    *id = task_labels_find(labels, name);
    if (*id >= 0) return CLB_OK;
    if (!labels->ids) labels->ids = json_object();
    char **more = realloc(labels->names, ((size_t)labels->count + 1) * sizeof *more);
    if (more) labels->names = more;
    char *copy = strdup(name);
    if (!labels->ids || !more || !copy ||
        json_object_set_new(labels->ids, name, json_integer(labels->count)) != 0) {
        free(copy);
        return out_of_memory();
    }
    *id = labels->count;
    labels->names[labels->count++] = copy;
    return CLB_OK;
}

/* ---- order ---- */

struct entry {
    const char *name;
    int32_t id;
    long long number;
};

static bool is_number(const char *name, long long *number)
{
    char *end;
    errno = 0;
    *number = strtoll(name, &end, 10);
    return *name && !*end && errno == 0;
}

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* UTF-8's bytes are in the order of the code points. */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

bool task_labels_equal(const struct task_labels *a, const struct task_labels *b)
{
    for (int32_t i = 0; i < a->count; i++)
        if (task_labels_find(b, a->names[i]) < 0) return false;
    return a->count == b->count;
}

enum clb_status task_labels_order(struct task_labels *labels, const struct task_labels *as,
                                  int32_t **to)
{
    const size_t count = (size_t)labels->count;
    struct entry *entries = malloc((count + 1) * sizeof *entries);
    char **names = malloc((count + 1) * sizeof *names);
    enum clb_status status = CLB_OK;
    bool numbers = true;
    *to = malloc((count + 1) * sizeof **to);
    if (!entries || !names || !*to) {
        status = out_of_memory();
        goto cleanup;
    }
    for (int32_t i = 0; i < labels->count; i++) {
        entries[i] = (struct entry){labels->names[i], i, 0};
        numbers &= is_number(labels->names[i], &entries[i].number);
        if (as) entries[i].number = task_labels_find(as, labels->names[i]);
    }
    qsort(entries, count, sizeof *entries, as || numbers ? by_number : by_name);
    for (int32_t i = 0; i < labels->count; i++) {
        names[i] = labels->names[entries[i].id];
        (*to)[entries[i].id] = i;
        if (json_object_set_new(labels->ids, names[i], json_integer(i)) != 0)
            status = out_of_memory();
    }
    if (count > 0) memcpy(labels->names, names, count * sizeof *names);
cleanup:
    free(entries);
    free(names);
    return status;
}

/* ---- of a model ---- */

static enum clb_status add_names(struct task_labels *labels, const json_t *id2label, int32_t count)
{
    char number[16], usual[32];
    int32_t id;
    enum clb_status status = CLB_OK;
    for (int32_t i = 0; i < count && status == CLB_OK; i++) {
        snprintf(number, sizeof number, "%d", i);
        snprintf(usual, sizeof usual, "LABEL_%d", i);
        const char *name = json_string_value(json_object_get(id2label, number));
        status = task_labels_add(labels, name ? name : usual, &id);
        if (status == CLB_OK && id != i)
            status = clb_fail(CLB_ERROR_FORMAT, "id2label: \"%s\" is the name of two classes",
                              name ? name : usual);
    }
    return status;
}

enum clb_status task_labels_of_directory(const char *directory, struct clb_config *config,
                                         struct task_labels *labels)
{
    char *path = base_format("%s/config.json", directory);
    json_t *maps = NULL;
    bool tied;
    enum clb_status status = path ? CLB_OK : out_of_memory();
    if (status == CLB_OK) status = bert_config_read(path, config, &tied, &maps);
    if (status == CLB_OK)
        status = add_names(labels, json_object_get(maps, "id2label"), config->num_labels);
    json_decref(maps);
    free(path);
    return status;
}

void task_labels_free(struct task_labels *labels)
{
    for (int32_t i = 0; i < labels->count; i++) free(labels->names[i]);
    free(labels->names);
    json_decref(labels->ids);
    *labels = (struct task_labels){0};
}
