/* SPDX-License-Identifier: Apache-2.0 */
/* Text through all threads: while a block of lines is worked on, the next is read and the one
 * before is finished, in order. What comes out does not depend on the number of threads, and memory
 * is that of three blocks. */
#ifndef TEXT_TEXT_PIPELINE_H
#define TEXT_TEXT_PIPELINE_H

#include "text/text_input.h"

#include <stdbool.h>

enum { TEXT_SLOTS = 3, TEXT_BLOCK_LINES = 8192 };

struct text_line {
    const char *text;
    size_t size;
    bool ends_document;
};

struct text_block {
    int slot;       /* which of TEXT_SLOTS it lies in: results have a place a slot and line */
    int64_t number; /* from 1 on */
    int count;
    struct text_line lines[TEXT_BLOCK_LINES];
    char *text;
    size_t size, capacity;
    int64_t bytes; /* of the input up to here, and the share of it */
    double share;
};

struct text_pipeline {
    int threads; /* at least 1 */
    void *context;
    /* Line `line` of a block, on one of the threads. */
    enum clb_status (*work)(void *context, int thread, const struct text_block *block, int line);
    /* All lines of a block have been worked on; blocks come in order. May be NULL. */
    enum clb_status (*finish)(void *context, const struct text_block *block);
};

/* On a terminal it shows how much is done, the speed and the time left. */
enum clb_status text_pipeline_run(const struct text_pipeline *pipeline, struct text_input *input);

#endif
