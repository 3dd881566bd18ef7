/* SPDX-License-Identifier: Apache-2.0 */
/* One call of an operation: its arguments are checked, once for all backends, it is timed where
 * profiling is on, and the first mistake is what the caller gets. */
#ifndef COMPUTE_CALL_H
#define COMPUTE_CALL_H

#include "compute/backend.h"

enum { CALL_TENSORS = 16 }; /* at most */

struct call {
    enum clb_operation operation;
    struct clb_device *device;
    enum clb_status status; /* of the first mistake */
    double begin;           /* of the backend's work, in seconds */
    enum clb_type operands; /* of a product or attention; CLB_I32 until the first is seen */
    int64_t max_seqlen;     /* of attention */
    int count;
    struct {
        const struct clb_tensor *tensor;
        const char *name;
        bool written;
    } seen[CALL_TENSORS];
    const struct clb_tensor *written_over, *read_before; /* these two may be the same memory */
};

const char *call_operation_name(enum clb_operation operation);

/* The device is that of `tensor`. */
struct call call_begin(enum clb_operation operation, const struct clb_tensor *tensor);

static inline bool call_is_right(const struct call *call)
{
    return call->status == CLB_OK;
}

void call_expect(struct call *call, bool holds, const char *what);

/* The tensor exists, is on the device, has this type and shape, and memory for it. */
void call_input(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                int64_t columns);
/* Written, or read and written. */
void call_output(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                 int64_t columns);
void call_indices(struct call *call, const struct clb_tensor *tensor, const char *name,
                  int64_t count);
/* The same, [count, 2]. */
void call_index_pairs(struct call *call, const struct clb_tensor *tensor, const char *name,
                      int64_t count);
/* An operand of a product or of attention: fp32, or a reduced type that the backend multiplies; all
 * of one call have the same. */
void call_operand(struct call *call, const struct clb_tensor *tensor, const char *name,
                  int64_t rows, int64_t columns);
/* What they give: fp32 or the type of the operands, which have been seen. */
void call_result(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                 int64_t columns);
/* Of any type but indices. */
void call_numbers(struct call *call, const struct clb_tensor *tensor, const char *name,
                  int64_t rows, int64_t columns, bool written);
void call_dropout(struct call *call, struct clb_dropout dropout);

/* `out` may be `in`, all of it and nothing else. */
void call_allow_in_place(struct call *call, const struct clb_tensor *out,
                         const struct clb_tensor *in);

/* All arguments have been seen, and what is written shares no memory with anything else: the
 * backend may begin. */
bool call_is_ready(struct call *call);

/* The backend gave `status`. */
enum clb_status call_end(const struct call *call, enum clb_status status);

/* Adds what the call multiplied and moved: work.c. */
void call_count_work(const struct call *call, struct clb_profile_entry *entry);

#endif
