/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "data/permutation.h"
#include "tasks/task.h"
#include "text/records.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- life ---- */

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "examples: out of memory");
}

struct task_set *task_set_create(const struct task_kind *kind,
                                 const struct clb_tokenizer *tokenizer, struct task_labels *labels)
{
    struct task_set *set = calloc(1, sizeof *set);
    if (!set) return NULL;
    set->kind = kind;
    set->tokenizer = tokenizer;
    set->labels = labels;
    set->columns = clb_task_columns_usual();
    set->separator = ',';
    set->labelled = true;
    set->max_answer_length = 30;
    return set;
}

void task_set_clear(struct task_set *set)
{
    for (int64_t i = 0; set->records && i < set->example_count; i++) json_decref(set->records[i]);
    set->example_count = set->id_count = set->value_count = set->count = set->rows = 0;
    set->truncated = 0;
}

void task_set_destroy(struct task_set *set)
{
    if (!set) return;
    task_set_clear(set);
    json_decref(set->unknown);
    free(set->examples);
    free(set->records);
    free(set->ids);
    free(set->spans);
    free(set->values);
    free(set->sequences);
    free(set);
}

/* Makes room for `count` items of `size` bytes. */
static enum clb_status reserve(void **items, int64_t *room, int64_t count, size_t size)
{
    if (count <= *room) return CLB_OK;
    const int64_t more = count + count / 2 + 64;
    void *moved = realloc(*items, (size_t)more * size);
    if (!moved) return out_of_memory();
    *items = moved;
    *room = more;
    return CLB_OK;
}

/* ---- reading ---- */

enum clb_status task_set_add(struct task_set *set, json_t *record, const char *where)
{
    const int64_t number = set->example_count;
    enum clb_status status;
    CLB_TRY(
        reserve((void **)&set->examples, &set->example_room, number + 1, sizeof *set->examples));
    if (set->keeps) {
        CLB_TRY(
            reserve((void **)&set->records, &set->record_room, number + 1, sizeof *set->records));
        set->records[number] = json_incref(record);
    }
    set->examples[number] =
        (struct task_example){.first_id = set->id_count, .b = -1, .first_value = set->value_count};
    set->example_count++;
    CLB_TRY(set->kind->read(set, record, where));
cleanup:
    return status;
}

/* Whether record `number` is held out. */
static bool is_held(double fraction, uint64_t seed, int64_t number)
{
    const struct clb_random random = {seed, CLB_PURPOSE_SPLIT, 0};
    return (double)clb_uniform_from_bits(clb_random_u32(random, (uint64_t)number)) < fraction;
}

enum clb_status task_set_read(struct task_set *set, struct task_set *held, double fraction,
                              uint64_t seed, const struct clb_examples *examples)
{
    struct text_records *records = NULL;
    json_t *record;
    enum clb_status status;
    set->columns = examples->columns;
    set->separator = examples->separator;
    if (held) {
        held->columns = examples->columns;
        held->separator = examples->separator;
    }
    CLB_TRY(text_records_open(examples->paths, examples->count, examples->format, set->kind->usual,
                              &records));
    CLB_TRY(text_records_next(records, &record));
    for (int64_t number = 0; record; number++) {
        const bool away = held && is_held(fraction, seed, number);
        CLB_TRY(task_set_add(away ? held : set, record, text_records_where(records)));
        CLB_TRY(text_records_next(records, &record));
    }
cleanup:
    text_records_close(records);
    return status;
}

enum clb_status task_set_encode(struct task_set *set, const char *text, int32_t *tokens)
{
    struct clb_ids ids = {0};
    struct clb_offsets offsets = {0};
    const size_t size = strlen(text);
    const bool placed = set->kind->per_token;
    enum clb_status status;
    if (placed)
        CLB_TRY(clb_tokenizer_encode_offsets(set->tokenizer, text, size, &ids, &offsets));
    else
        CLB_TRY(clb_tokenizer_encode(set->tokenizer, text, size, &ids));
    const int64_t count = (int64_t)ids.count;
    if (count > INT32_MAX / 4) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "a text of %lld tokens", (long long)count);
        goto cleanup;
    }
    CLB_TRY(reserve((void **)&set->ids, &set->id_room, set->id_count + count, sizeof *set->ids));
    for (int64_t i = 0; i < count; i++) set->ids[set->id_count + i] = ids.ids[i];
    if (placed) {
        CLB_TRY(reserve((void **)&set->spans, &set->span_room, set->id_count + count,
                        sizeof *set->spans));
        clb_offsets_to_code_points(text, size, offsets.offsets, offsets.count);
        for (int64_t i = 0; i < count; i++)
            set->spans[set->id_count + i] = (struct task_span){(int32_t)offsets.offsets[i].begin,
                                                               (int32_t)offsets.offsets[i].end};
    }
    set->id_count += count;
    *tokens = (int32_t)count;
cleanup:
    clb_ids_free(&ids);
    clb_offsets_free(&offsets);
    return status;
}

enum clb_status task_set_value(struct task_set *set, int32_t value)
{
    enum clb_status status;
    CLB_TRY(reserve((void **)&set->values, &set->value_room, set->value_count + 1,
                    sizeof *set->values));
    set->values[set->value_count++] = value;
    set->examples[set->example_count - 1].values++;
cleanup:
    return status;
}

/* ---- labels ---- */

enum clb_status task_set_class(struct task_set *set, const char *name, int32_t *id)
{
    if (set->learns) return task_labels_add(set->labels, name, id);
    *id = task_labels_find(set->labels, name);
    if (*id >= 0) return CLB_OK;
    if (!set->unknown) set->unknown = json_object();
    const json_int_t times = json_integer_value(json_object_get(set->unknown, name));
    return json_object_set_new(set->unknown, name, json_integer(times + 1)) == 0 ? CLB_OK
                                                                                 : out_of_memory();
}

void task_set_renumber(struct task_set *set, const int32_t *to)
{
    for (int64_t i = 0; i < set->value_count; i++)
        if (set->values[i] >= 0) set->values[i] = to[set->values[i]];
}

enum clb_status task_set_check_labels(const struct task_set *set, const char *what)
{
    char names[256] = "";
    size_t length = 0;
    const char *name;
    json_t *times;
    if (!set->unknown) return CLB_OK;
    json_object_foreach(set->unknown, name, times)
    {
        if (length < sizeof names)
            length +=
                (size_t)snprintf(names + length, sizeof names - length, "%s\"%s\" (%lld)",
                                 length ? ", " : "", name, (long long)json_integer_value(times));
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "%s has labels that the model has not got: %s", what,
                    names);
}

/* ---- sequences ---- */

/* All of an example, or of two texts so much that `most` tokens are left. */
static void fit(struct task_sequence *s, int32_t most)
{
    const int32_t total = s->a + (s->b > 0 ? s->b : 0);
    if (total <= most) return;
    if (s->b < 0) {
        s->a = most;
        return;
    }
    int32_t *shorter = s->a > s->b ? &s->b : &s->a, *longer = s->a > s->b ? &s->a : &s->b;
    if (*shorter < most - *shorter) {
        *longer = most - *shorter;
    } else {
        *shorter = most / 2;
        *longer = most - most / 2;
    }
}

int32_t task_sequence_length(const struct task_sequence *s)
{
    return s->a + 2 + (s->b >= 0 ? s->b + 1 : 0);
}

static struct task_sequence whole(const struct task_set *set, int64_t example)
{
    const struct task_example *e = &set->examples[example];
    return (struct task_sequence){.example = example, .a = e->a, .b = e->b};
}

static int by_value(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int32_t task_set_length(const struct task_set *set, double quantile)
{
    const int64_t count = set->example_count;
    int32_t *lengths = malloc(((size_t)count + 1) * sizeof *lengths);
    if (!lengths || count == 0) {
        free(lengths);
        return 0;
    }
    for (int64_t i = 0; i < count; i++) {
        const struct task_sequence s = whole(set, i);
        lengths[i] = task_sequence_length(&s);
    }
    qsort(lengths, (size_t)count, sizeof *lengths, by_value);
    int64_t at = (int64_t)(quantile * (double)count);
    const int32_t length = lengths[at < count ? at : count - 1];
    free(lengths);
    return length;
}

static enum clb_status add_sequence(struct task_set *set, int64_t *room, struct task_sequence s)
{
    enum clb_status status;
    CLB_TRY(reserve((void **)&set->sequences, room, set->count + 1, sizeof *set->sequences));
    struct task_example *e = &set->examples[s.example];
    if (e->sequences++ == 0) e->first_sequence = set->count;
    s.first_row = set->rows;
    set->rows += task_sequence_length(&s);
    set->sequences[set->count++] = s;
cleanup:
    return status;
}

/* The stretches of a second text behind all of the first. */
static enum clb_status add_stretches(struct task_set *set, int64_t *room, struct task_sequence s,
                                     int32_t most, int32_t stride)
{
    const int32_t all = s.b, step = most - s.a - stride;
    enum clb_status status = CLB_OK;
    if (s.a + s.b <= most) return add_sequence(set, room, s);
    if (step < 1)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "a question of %d tokens leaves no room for its text: raise "
                        "--max-seq-length, or lower --doc-stride",
                        s.a);
    for (int32_t first = 0; status == CLB_OK; first += step) {
        s.first_b = first;
        s.b = all - first < most - s.a ? all - first : most - s.a;
        status = add_sequence(set, room, s);
        if (first + s.b == all) break;
    }
    return status;
}

int32_t task_doc_stride(int32_t asked, int32_t max_seq_length)
{
    const int32_t usual = max_seq_length / 2 < 128 ? max_seq_length / 2 : 128;
    return asked < 0 ? usual : asked;
}

enum clb_status task_set_arrange(struct task_set *set, int32_t max_seq_length, int32_t doc_stride)
{
    int64_t room = 0;
    enum clb_status status = CLB_OK;
    free(set->sequences);
    set->sequences = NULL;
    set->count = set->rows = set->truncated = 0;
    set->max_seq_length = max_seq_length;
    for (int64_t i = 0; i < set->example_count && status == CLB_OK; i++) {
        struct task_sequence s = whole(set, i);
        set->examples[i].sequences = 0;
        const int32_t most = max_seq_length - (s.b >= 0 ? 3 : 2);
        if (most < 1)
            return clb_fail(CLB_ERROR_ARGUMENT, "--max-seq-length %d is too short", max_seq_length);
        set->truncated += task_sequence_length(&s) > max_seq_length;
        if (set->kind->task == CLB_TASK_QUESTION_ANSWERING) {
            status = add_stretches(set, &room, s, most, doc_stride);
        } else {
            fit(&s, most);
            status = add_sequence(set, &room, s);
        }
    }
    return status;
}

enum clb_status task_set_append(const struct task_set *set, int64_t sequence, bool labels,
                                struct clb_batch *batch)
{
    const struct task_sequence *s = &set->sequences[sequence];
    const struct task_example *e = &set->examples[s->example];
    const struct clb_special_ids special = clb_tokenizer_special_ids(set->tokenizer);
    const int32_t length = task_sequence_length(s), row = batch->total_tokens;
    int32_t *ids = malloc(2 * (size_t)length * sizeof *ids), *types = ids + length, at = 0;
    enum clb_status status;
    if (!ids) return out_of_memory();
    ids[at++] = special.cls;
    for (int32_t i = 0; i < s->a; i++) ids[at++] = set->ids[e->first_id + i];
    ids[at++] = special.sep;
    for (int32_t i = 0; i < length; i++) types[i] = i >= at;
    for (int32_t i = 0; i < s->b; i++) ids[at++] = set->ids[e->first_id + e->a + s->first_b + i];
    if (s->b >= 0) ids[at] = special.sep;
    CLB_TRY(clb_batch_append(batch, length, ids, types));
    if (labels) CLB_TRY(set->kind->label(set, sequence, batch, row));
cleanup:
    free(ids);
    return status;
}

uint64_t task_set_hash(const struct task_set *set)
{
    XXH64_hash_t hash = XXH64(set->ids, (size_t)set->id_count * sizeof *set->ids, 0);
    hash = XXH64(set->values, (size_t)set->value_count * sizeof *set->values, hash);
    for (int64_t i = 0; i < set->example_count; i++) {
        const struct task_example *e = &set->examples[i];
        const int64_t sizes[] = {e->a, e->b, e->values};
        hash = XXH64(sizes, sizeof sizes, hash);
        hash = XXH64(&e->number, sizeof e->number, hash);
    }
    for (int32_t i = 0; i < set->labels->count; i++)
        hash = XXH64(set->labels->names[i], strlen(set->labels->names[i]) + 1, hash);
    return hash;
}

/* ---- batches ---- */

static enum clb_status fill_batch(const void *context, int64_t number, int32_t size,
                                  struct clb_batch *batch)
{
    const struct task_batches *b = context;
    const int64_t count = b->set->count, an_epoch = (count + size - 1) / size;
    const struct clb_random order = {b->seed, CLB_PURPOSE_ORDER, (uint32_t)(number / an_epoch)};
    const int64_t first = number % an_epoch * size;
    const int64_t end = first + size < count ? first + size : count;
    enum clb_status status = CLB_OK;
    for (int64_t i = first; i < end; i++) {
        const uint64_t sequence = permutation_at(order, (uint64_t)count, (uint64_t)i);
        CLB_TRY(task_set_append(b->set, (int64_t)sequence, true, batch));
    }
    CLB_TRY(clb_batch_finish(batch));
cleanup:
    return status;
}

struct clb_batch_source task_set_batches(const struct task_batches *batches)
{
    return (struct clb_batch_source){batches, fill_batch, batches->set->max_seq_length};
}
