/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of the CPU path. The calling thread works too, and whatever a thread has not begun
 * the others take over, so that nobody waits for one whose core another program has. Between two
 * calls threads spin for some microseconds and then sleep. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include <clbert/status.h>
#include <stdint.h>

struct cpu_pool;

/* Items begin .. end - 1, by thread number `thread` (0 is the caller). What an item gives must not
 * depend on the others of the call, nor on the thread. */
typedef void cpu_work(const void *context, int64_t begin, int64_t end, int thread);

/* `threads` counts the caller. */
enum clb_status cpu_pool_create(int threads, struct cpu_pool **pool);
/* NULL is allowed. */
void cpu_pool_destroy(struct cpu_pool *pool);

/* Calls work for all of 0 .. count - 1, `chunk` items at a time (0: some chunks a thread), and
 * returns when all are done. One caller at a time. */
void cpu_pool_run(struct cpu_pool *pool, int64_t count, int64_t chunk, cpu_work *work,
                  const void *context);

#endif
