/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_pipeline.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/failure.h"
#include "base/log.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 4 << 20, TASK_BYTES = 1 << 16 };

struct state {
    const struct text_pipeline *pipeline;
    struct text_input *input;
    struct text_block *blocks[TEXT_SLOTS];
    bool more; /* text to be read */
    double begun;
    atomic_bool stopped; /* something failed: no more work is begun */
    struct base_failure failure;
};

static void note(struct state *s, enum clb_status status)
{
    if (status == CLB_OK) return;
    base_failure_note(&s->failure, status);
    s->stopped = true;
}

/* ---- reading ---- */

static enum clb_status append_line(struct text_block *b, const char *text, size_t size)
{
    if (b->size + size > b->capacity) {
        const size_t capacity = 2 * (b->size + size) + BLOCK_BYTES;
        char *more = realloc(b->text, capacity);
        if (!more) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        b->text = more;
        b->capacity = capacity;
    }
    memcpy(b->text + b->size, text, size);
    b->lines[b->count++] = (struct text_line){.size = size};
    b->size += size;
    return CLB_OK;
}

/* The text may have moved while it grew: lines are told where it lies at the end. */
static void place_lines(struct text_block *b)
{
    const char *at = b->text;
    for (int i = 0; i < b->count; i++) {
        b->lines[i].text = at;
        at += b->lines[i].size;
    }
}

static enum clb_status read_block(struct text_input *input, struct text_block *b, bool *more)
{
    enum clb_status status = CLB_OK;
    b->number += TEXT_SLOTS;
    b->count = 0;
    b->size = 0;
    while (b->count < TEXT_BLOCK_LINES - 1 && b->size < BLOCK_BYTES) {
        enum text_event event;
        const char *text;
        size_t size;
        CLB_TRY(text_input_next(input, &event, &text, &size));
        if (event == TEXT_LINE) {
            CLB_TRY(append_line(b, text, size));
        } else if (event == TEXT_DOCUMENT_END) {
            if (b->count == 0)
                CLB_TRY(append_line(b, "", 0)); /* its lines were of the last block */
            b->lines[b->count - 1].ends_document = true;
        } else {
            *more = false;
            break;
        }
    }
    place_lines(b);
    b->bytes = text_input_bytes(input);
    b->share = text_input_share(input);
cleanup:
    return status;
}

/* ---- tasks ---- */

static void read_task(struct state *s, struct text_block *block)
{
    note(s, read_block(s->input, block, &s->more));
}

static void show_progress(const struct text_block *block, double begun)
{
    const double mb = 1e-6 * (double)block->bytes, seconds = base_seconds() - begun;
    char left[48] = "";
    if (mb < 1) return; /* it is over before it can be read */
    if (block->share > 0.001) {
        const long long rest = (long long)(seconds * (1 - block->share) / block->share + 0.5);
        snprintf(left, sizeof left, "  %.1f %%  %lld:%02lld left", 100 * block->share, rest / 60,
                 rest % 60);
    }
    base_log_progress("%.1f MB, %.1f MB/s%s", mb, mb / seconds, left);
}

static void finish_task(struct state *s, const struct text_block *block)
{
    if (s->stopped) return;
    if (s->pipeline->finish) note(s, s->pipeline->finish(s->pipeline->context, block));
    show_progress(block, s->begun);
}

static void work_task(struct state *s, const struct text_block *block, int begin, int end)
{
    const struct text_pipeline *p = s->pipeline;
    for (int i = begin; i < end && !s->stopped; i++)
        note(s, p->work(p->context, omp_get_thread_num(), block, i));
}

/* Tasks of TASK_BYTES or so. */
static void start_work(struct state *s, const struct text_block *block)
{
    for (int begin = 0, end; begin < block->count; begin = end) {
        size_t bytes = 0;
        for (end = begin; end < block->count && bytes < TASK_BYTES; end++)
            bytes += block->lines[end].size + 1;
#pragma omp task firstprivate(s, block, begin, end)
        work_task(s, block, begin, end);
    }
}

static void run_blocks(struct state *s)
{
    read_task(s, s->blocks[0]);
    for (int64_t number = 0; s->failure.status == CLB_OK; number++) {
        struct text_block *block = s->blocks[number % TEXT_SLOTS];
        struct text_block *next = s->blocks[(number + 1) % TEXT_SLOTS];
        const struct text_block *last = s->blocks[(number + 2) % TEXT_SLOTS];
        const bool more = s->more;
        if (more) {
#pragma omp task firstprivate(s, next)
            read_task(s, next);
        }
        if (number > 0) {
#pragma omp task firstprivate(s, last)
            finish_task(s, last);
        }
        start_work(s, block);
#pragma omp taskwait
        if (more || s->failure.status != CLB_OK) continue;
        finish_task(s, block);
        return;
    }
}

enum clb_status text_pipeline_run(const struct text_pipeline *pipeline, struct text_input *input)
{
    struct state state = {.pipeline = pipeline,
                          .input = input,
                          .more = true,
                          .begun = base_seconds()},
                 *s = &state;
    for (int i = 0; i < TEXT_SLOTS; i++) {
        s->blocks[i] = calloc(1, sizeof *s->blocks[i]);
        if (!s->blocks[i])
            base_failure_note(&s->failure, clb_fail(CLB_ERROR_MEMORY, "text: out of memory"));
        else
            *s->blocks[i] = (struct text_block){.slot = i, .number = i + 1 - TEXT_SLOTS};
    }
    if (s->failure.status == CLB_OK) {
#pragma omp parallel num_threads(pipeline->threads)
#pragma omp single
        run_blocks(s);
    }
    for (int i = 0; i < TEXT_SLOTS; i++) {
        if (s->blocks[i]) free(s->blocks[i]->text);
        free(s->blocks[i]);
    }
    base_log_progress(NULL);
    return base_failure_report(&s->failure);
}
