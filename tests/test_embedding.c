/* SPDX-License-Identifier: Apache-2.0 */
/* The sum of three embeddings, and the gradient of a table from groups of rows. */
#include "support_test.h"

struct shape {
    int64_t tokens, hidden, vocabulary;
};

static const struct shape shapes[] = {{1, 1, 1},        {1, 5, 3},    {6, 7, 4},
                                      {131, 257, 1000}, {700, 64, 2}, {500, 130, 60}};
enum { SHAPES = sizeof shapes / sizeof *shapes, POSITIONS = 9, SEGMENTS = 2 };

static void fill_ids(int32_t *ids, int64_t tokens, int64_t bound, uint32_t stream)
{
    for (int64_t t = 0; t < tokens; t++)
        ids[t] = (int32_t)clb_random_below((struct clb_random){5, CLB_PURPOSE_TEST, stream},
                                           (uint64_t)t, (uint32_t)bound);
}

static void check_forward(struct clb_device *device, const struct shape *s)
{
    struct support_call call = support_open(device);
    double *out = support_floats(&call, s->tokens, s->hidden);
    const double *word = support_floats(&call, s->vocabulary, s->hidden);
    const double *position = support_floats(&call, POSITIONS, s->hidden);
    const double *segment = support_floats(&call, SEGMENTS, s->hidden);
    int32_t *ids = support_ints(&call, s->tokens), *positions = support_ints(&call, s->tokens);
    int32_t *segments = support_ints(&call, s->tokens);
    fill_ids(ids, s->tokens, s->vocabulary, 1);
    fill_ids(positions, s->tokens, POSITIONS, 2);
    fill_ids(segments, s->tokens, SEGMENTS, 3);
    support_upload(&call);
    const struct clb_tensor *t = call.t;
    OK(clb_embedding_forward(&t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6]));
    reference_embedding(out, word, position, segment, ids, positions, segments, s->tokens,
                        s->hidden);
    double *magnitude = support_copy(out, s->tokens * s->hidden);
    for (int64_t e = 0; e < s->tokens * s->hidden; e++)
        magnitude[e] = 1.5;                         /* half of three ones: */
    support_expect(&call, 0, out, magnitude, 2, 0); /* two roundings */
    free(magnitude);
    support_close(&call);
}

/* Sorts rows by id: the groups, and how long the longest is. */
static int64_t sort_rows(const int32_t *ids, int64_t tokens, int64_t bound, int32_t *order,
                         int32_t *begin, int32_t *row, int64_t *longest)
{
    int64_t groups = 0, next = 0;
    *longest = 0;
    for (int32_t id = 0; id < bound; id++) {
        const int64_t first = next;
        for (int32_t t = 0; t < tokens; t++)
            if (ids[t] == id) order[next++] = t;
        if (next == first) continue;
        begin[groups] = (int32_t)first;
        row[groups++] = id;
        *longest = next - first > *longest ? next - first : *longest;
    }
    begin[groups] = (int32_t)next;
    return groups;
}

static void check_backward(struct clb_device *device, const struct shape *s)
{
    struct support_call call = support_open(device);
    int32_t *ids = calloc((size_t)s->tokens, sizeof *ids);
    int64_t longest, size = s->vocabulary * s->hidden;
    assert_non_null(ids);
    fill_ids(ids, s->tokens, s->vocabulary, 1);
    double *d_table = support_floats(&call, s->vocabulary, s->hidden);
    const double *d_out = support_floats(&call, s->tokens, s->hidden);
    int32_t *order = support_ints(&call, s->tokens), *begin = support_ints(&call, s->tokens + 1);
    int32_t *row = support_ints(&call, s->tokens);
    const int64_t groups = sort_rows(ids, s->tokens, s->vocabulary, order, begin, row, &longest);
    support_upload(&call);
    const struct clb_row_groups sorted = {call.t[2], clb_tensor_first_rows(call.t[3], groups + 1),
                                          clb_tensor_first_rows(call.t[4], groups)};
    OK(clb_embedding_backward(&call.t[0], &call.t[1], &sorted));
    double *magnitude = support_squares(d_table, size),
           *d2 = support_squares(d_out, s->tokens * s->hidden);
    reference_embedding_backward(magnitude, d2, ids, s->tokens, s->hidden);
    support_roots(magnitude, size);
    reference_embedding_backward(d_table, d_out, ids, s->tokens, s->hidden);
    support_expect(&call, 0, d_table, magnitude, 4, (double)longest);
    free(magnitude);
    free(d2);
    free(ids);
    support_close(&call);
}

static void embedding_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) {
        check_forward(device, &shapes[i]);
        check_backward(device, &shapes[i]);
    }
}

static void test_embedding(void **state)
{
    (void)state;
    support_on_devices(embedding_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_embedding)};
    return cmocka_run_group_tests_name("embedding", tests, NULL, support_close_devices);
}
