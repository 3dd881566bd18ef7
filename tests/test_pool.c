/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU path's threads: every item once, whatever the numbers of items, chunks and threads, call
 * after call, also where threads have gone to sleep in between. */
#include "compute/cpu/cpu_pool.h"
#include "support_devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { MOST = 1000 };

struct job {
    int64_t count, chunk;
    int threads;
    atomic_int *done; /* [count] */
    atomic_int wrong;
};

static void count_items(const void *context, int64_t begin, int64_t end, int thread)
{
    struct job *job = *(struct job *const *)context;
    const bool whole = begin == 0 && end == job->count; /* not worth sharing */
    if (begin < 0 || end > job->count || begin >= end || thread < 0 || thread >= job->threads ||
        (job->chunk > 0 && !whole && end - begin > job->chunk))
        atomic_fetch_add(&job->wrong, 1);
    for (int64_t i = begin; i < end; i++) atomic_fetch_add(&job->done[i], 1);
}

static void run_job(struct cpu_pool *pool, int threads, int64_t count, int64_t chunk)
{
    atomic_int done[MOST] = {0};
    struct job job = {.count = count, .chunk = chunk, .threads = threads, .done = done};
    struct job *pointer = &job;
    cpu_pool_run(pool, count, chunk, count_items, &pointer);
    assert_int_equal(atomic_load(&job.wrong), 0);
    for (int64_t i = 0; i < count; i++) assert_int_equal(atomic_load(&done[i]), 1);
}

static void test_every_item_once(void **state)
{
    (void)state;
    static const int64_t counts[] = {0, 1, 2, 3, 7, 64, MOST}, chunks[] = {0, 1, 3, 64};
    for (int threads = 1; threads <= 9; threads++) {
        struct cpu_pool *pool;
        OK(cpu_pool_create(threads, &pool));
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (size_t j = 0; j < sizeof chunks / sizeof *chunks; j++)
                for (int k = 0; k < 20; k++) run_job(pool, threads, counts[i], chunks[j]);
        cpu_pool_destroy(pool);
    }
}

static void test_sleeping_threads(void **state)
{
    (void)state;
    const struct timespec pause = {.tv_nsec = 500 * 1000}; /* longer than they spin */
    struct cpu_pool *pool;
    OK(cpu_pool_create(4, &pool));
    for (int i = 0; i < 100; i++) {
        nanosleep(&pause, NULL);
        run_job(pool, 4, 100, 1);
    }
    cpu_pool_destroy(pool);
}

static void test_threads_that_cannot_be(void **state)
{
    (void)state;
    struct clb_device *device;
    assert_int_equal(clb_device_open("cpu", -3, &device), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_device_open("cpu", 1000000, &device), CLB_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),
        cmocka_unit_test(test_sleeping_threads),
        cmocka_unit_test(test_threads_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
