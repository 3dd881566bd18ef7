/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU path gives the same bits for any number of threads: every operation in a chain whose
 * results all end up in one list of numbers. */
#include "support_test.h"

enum {
    TOKENS = 333,
    HEADS = 3,
    HIDDEN = 3 * 40,
    INNER = 450,
    CLASSES = 1111,
    PICKED = 50,
    WEIGHTS = 12 * CLB_BLOCK
};
enum {
    X,
    POSITION,
    SEGMENT,
    QKV,
    D_QKV,
    LSE,
    CONTEXT,
    SUM,
    STATS,
    OUT,
    PRE,
    INSIDE,
    LOGITS,
    SUMS,
    W_QKV,
    W_INNER,
    W_BIAS,
    GAMMA,
    BETA,
    D_GAMMA,
    D_BETA,
    TABLE,
    D_ROWS,
    FLAT_W,
    FLAT_G,
    FLAT_M,
    FLAT_V,
    SQUARE,
    DECAY,
    FLOATS
};
enum {
    IDS,
    POSITIONS,
    SEGMENTS,
    CU_SEQLENS,
    ROWS,
    LABELS,
    ORDER,
    BEGIN,
    GROUP_ROW,
    BLOCK_SEGMENT,
    FIRST_BLOCK,
    INTS
};

static const int64_t shape[FLOATS][2] = {
    [X] = {TOKENS, HIDDEN},
    [POSITION] = {512, HIDDEN},
    [SEGMENT] = {2, HIDDEN},
    [QKV] = {TOKENS, 3 * HIDDEN},
    [D_QKV] = {TOKENS, 3 * HIDDEN},
    [LSE] = {HEADS, TOKENS},
    [CONTEXT] = {TOKENS, HIDDEN},
    [SUM] = {TOKENS, HIDDEN},
    [STATS] = {TOKENS, 2},
    [OUT] = {TOKENS, HIDDEN},
    [PRE] = {TOKENS, INNER},
    [INSIDE] = {TOKENS, INNER},
    [LOGITS] = {PICKED, CLASSES},
    [SUMS] = {2, 1},
    [W_QKV] = {3 * HIDDEN, HIDDEN},
    [W_INNER] = {INNER, HIDDEN},
    [W_BIAS] = {INNER, 1},
    [GAMMA] = {HIDDEN, 1},
    [BETA] = {HIDDEN, 1},
    [D_GAMMA] = {HIDDEN, 1},
    [D_BETA] = {HIDDEN, 1},
    [TABLE] = {CLASSES, HIDDEN},
    [D_ROWS] = {PICKED, HIDDEN},
    [FLAT_W] = {WEIGHTS, 1},
    [FLAT_G] = {WEIGHTS, 1},
    [FLAT_M] = {WEIGHTS, 1},
    [FLAT_V] = {WEIGHTS, 1},
    [SQUARE] = {1, 1},
    [DECAY] = {2, 1},
};
static const int64_t length[INTS] = {
    [IDS] = TOKENS,      [POSITIONS] = TOKENS,
    [SEGMENTS] = TOKENS, [CU_SEQLENS] = 5,
    [ROWS] = PICKED,     [LABELS] = PICKED,
    [ORDER] = TOKENS,    [BEGIN] = 4,
    [GROUP_ROW] = 3,     [BLOCK_SEGMENT] = WEIGHTS / CLB_BLOCK,
    [FIRST_BLOCK] = 3,
};

struct chain {
    struct clb_device *device;
    struct clb_arena *floats, *ints;
    struct clb_tensor f[FLOATS], i[INTS];
};

static void fill_ints(struct chain *c)
{
    static const int32_t cu_seqlens[] = {0, 1, 200, 217, TOKENS}, begin[] = {0, 300, 301, TOKENS};
    static const int32_t group_row[] = {0, 5, CLASSES - 1},
                         first_block[] = {0, 3, WEIGHTS / CLB_BLOCK};
    int32_t values[TOKENS];
    for (int which = 0; which < INTS; which++) {
        for (int32_t t = 0; t < length[which]; t++)
            values[t] = which == IDS             ? t * 37 % CLASSES
                        : which == SEGMENTS      ? t % 2
                        : which == LABELS        ? t * 7
                        : which == ROWS          ? t * 6
                        : which == ORDER         ? (t * 2) % TOKENS
                        : which == BLOCK_SEGMENT ? t >= 3
                                                 : t;
        if (which == CU_SEQLENS) memcpy(values, cu_seqlens, sizeof cu_seqlens);
        if (which == BEGIN) memcpy(values, begin, sizeof begin);
        if (which == GROUP_ROW) memcpy(values, group_row, sizeof group_row);
        if (which == FIRST_BLOCK) memcpy(values, first_block, sizeof first_block);
        OK(clb_tensor_write(c->i[which], values, length[which]));
    }
}

static void open_chain(struct chain *c, int threads)
{
    OK(clb_device_open("cpu", threads, &c->device));
    OK(clb_arena_create(c->device, "floats", &c->floats));
    OK(clb_arena_create(c->device, "ints", &c->ints));
    for (int i = 0; i < FLOATS; i++)
        OK(clb_arena_add(c->floats, CLB_F32, shape[i][0], shape[i][1], &c->f[i]));
    for (int i = 0; i < INTS; i++) OK(clb_arena_add(c->ints, CLB_I32, length[i], 1, &c->i[i]));
    OK(clb_arena_commit(c->floats));
    OK(clb_arena_commit(c->ints));
    for (uint32_t i = 0; i < FLOATS; i++)
        OK(clb_fill_truncated_normal(&c->f[i], 0.5f, (struct clb_random){1, CLB_PURPOSE_TEST, i}));
    OK(clb_fill_uniform(&c->f[FLAT_V], (struct clb_random){1, CLB_PURPOSE_TEST, 99}));
    fill_ints(c);
}

static void run_forward(struct chain *c, struct clb_dropout dropout)
{
    struct clb_tensor *f = c->f, *i = c->i;
    OK(clb_embedding_forward(&f[X], &f[TABLE], &f[POSITION], &f[SEGMENT], &i[IDS], &i[POSITIONS],
                             &i[SEGMENTS]));
    OK(clb_linear_forward(&f[QKV], NULL, &f[X], &f[W_QKV], NULL, CLB_ACTIVATION_NONE));
    OK(clb_attention_forward(&f[CONTEXT], &f[LSE], &f[QKV], &i[CU_SEQLENS], 199, HEADS, dropout));
    OK(clb_norm_forward(&f[OUT], NULL, &f[SUM], &f[STATS], &f[CONTEXT], NULL, &f[X], &f[GAMMA],
                        &f[BETA], 1e-12f, dropout));
    OK(clb_linear_forward(&f[INSIDE], &f[PRE], &f[OUT], &f[W_INNER], &f[W_BIAS],
                          CLB_ACTIVATION_GELU));
    OK(clb_gather_rows(&f[D_ROWS], &f[OUT], &i[ROWS]));
    OK(clb_linear_forward(&f[LOGITS], NULL, &f[D_ROWS], &f[TABLE], NULL, CLB_ACTIVATION_NONE));
    OK(clb_class_loss(&f[SUMS], &f[LOGITS], &i[LABELS], NULL, 0.1f, 0));
    OK(clb_cross_entropy(&f[SUMS], &f[LOGITS], &i[LABELS], 0.02f));
}

static void run_backward(struct chain *c, struct clb_dropout dropout)
{
    struct clb_tensor *f = c->f, *i = c->i;
    const struct clb_row_groups groups = {i[ORDER], i[BEGIN], i[GROUP_ROW]};
    OK(clb_linear_backward_input(&f[D_ROWS], &f[LOGITS], &f[TABLE], NULL, NULL, CLB_ACTIVATION_NONE,
                                 false));
    OK(clb_scatter_add_rows(&f[OUT], &f[D_ROWS], &i[ROWS]));
    OK(clb_activation_backward(&f[INSIDE], &f[INSIDE], &f[PRE], CLB_ACTIVATION_GELU));
    OK(clb_linear_backward_weight(&f[W_INNER], &f[W_BIAS], &f[INSIDE], &f[OUT]));
    OK(clb_norm_backward(&f[OUT], &f[X], &f[D_GAMMA], &f[D_BETA], NULL, &f[OUT], &f[SUM], &f[STATS],
                         &f[GAMMA], dropout));
    OK(clb_attention_backward(&f[D_QKV], &f[OUT], &f[CONTEXT], &f[LSE], &f[QKV], &i[CU_SEQLENS],
                              199, HEADS, dropout));
    OK(clb_linear_backward_input(&f[X], &f[D_QKV], &f[W_QKV], NULL, NULL, CLB_ACTIVATION_NONE,
                                 true));
    OK(clb_linear_backward_weight(&f[W_QKV], NULL, &f[D_QKV], &f[X]));
    OK(clb_dropout_apply(&f[X], &f[X], dropout));
    OK(clb_embedding_backward(&f[TABLE], &f[X], &groups));
}

static void run_optimizers(struct chain *c)
{
    struct clb_tensor *f = c->f;
    const struct clb_segments segments = {c->i[BLOCK_SEGMENT], c->i[FIRST_BLOCK], f[DECAY],
                                          f[DECAY]}; /* for rates, too */
    struct clb_optimizer_step step = {0.01f, 0.9f, 0.999f, 1e-6f, 1.0f, 3};
    OK(clb_sum_of_squares(&f[SQUARE], &f[FLAT_G]));
    OK(clb_adamw(&f[FLAT_W], &f[FLAT_G], &f[FLAT_M], &f[FLAT_V], &f[SQUARE], &segments, &step));
    OK(clb_bert_adam(&f[FLAT_W], &f[FLAT_G], &f[FLAT_M], &f[FLAT_V], &f[SQUARE], &segments, &step));
    OK(clb_lamb(&f[FLAT_W], &f[FLAT_G], &f[FLAT_M], &f[FLAT_V], &f[SQUARE], &segments, &step));
    OK(clb_scale(&f[FLAT_G], 0.5f));
    OK(clb_add(&f[FLAT_W], &f[FLAT_G]));
    OK(clb_copy(&f[FLAT_M], &f[FLAT_W]));
}

/* Everything that is left in the arena of floats, as malloc'd bits. */
static float *run_chain(int threads, int64_t *count)
{
    const struct clb_dropout dropout = {0.1f, {9, CLB_PURPOSE_DROPOUT, 2}};
    struct chain c;
    open_chain(&c, threads);
    run_forward(&c, dropout);
    run_backward(&c, dropout);
    run_optimizers(&c);
    const struct clb_tensor all = clb_arena_whole(c.floats);
    float *bits = malloc((size_t)all.rows * sizeof *bits);
    assert_non_null(bits);
    OK(clb_tensor_read(all, bits, all.rows));
    *count = all.rows;
    clb_arena_destroy(c.floats);
    clb_arena_destroy(c.ints);
    clb_device_close(c.device);
    return bits;
}

static void test_threads(void **state)
{
    (void)state;
    int64_t count, other_count;
    float *one = run_chain(1, &count);
    for (int64_t e = 0; e < count; e++) assert_true(isfinite(one[e]));
    for (int threads = 2; threads <= 5; threads++) {
        float *other = run_chain(threads, &other_count);
        assert_int_equal(other_count, count);
        assert_memory_equal(one, other, (size_t)count * sizeof *one);
        free(other);
    }
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
