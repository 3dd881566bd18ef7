/* SPDX-License-Identifier: Apache-2.0 */
/* A call is a job: the items, cut into a share a thread, each taken chunk by chunk through a
 * counter of its own; who has finished its share goes on with the others'. Threads join a job while
 * it is open. The caller closes it when nothing is left to take, and has only to wait for those
 * that joined, not for those still asleep. */
#include "compute/cpu/cpu_pool.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SPIN_SECONDS 50e-6 /* longer than the pause between two operations of a step */

enum { CHUNKS_A_THREAD = 8, CACHE_LINE = 64 };

/* The job's state: OPEN, and the number of threads that joined and have not left. */
enum { OPEN = 1 << 30 };

struct share {
    _Alignas(CACHE_LINE) atomic_llong next;
    int64_t end;
};

struct cpu_pool {
    int threads;
    pthread_t *handles; /* [threads - 1] */
    int started;

    cpu_work *work;
    const void *context;
    int64_t chunk;
    struct share *shares; /* [threads] */
    _Alignas(CACHE_LINE) atomic_int state;

    _Alignas(CACHE_LINE) atomic_uint jobs; /* so many were opened; what sleepers wait for */
    atomic_int sleepers;
    atomic_bool caller_sleeps, ending;
    pthread_mutex_t mutex;
    pthread_cond_t opened, left;
};

struct start {
    struct cpu_pool *pool;
    int thread;
};

static inline void pause_core(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- working on a job ---- */

static void take_from(struct cpu_pool *pool, struct share *share, int thread)
{
    for (;;) {
        const int64_t begin =
            atomic_fetch_add_explicit(&share->next, pool->chunk, memory_order_relaxed);
        if (begin >= share->end) return;
        const int64_t end = share->end - begin < pool->chunk ? share->end : begin + pool->chunk;
        pool->work(pool->context, begin, end, thread);
    }
}

static void take_all(struct cpu_pool *pool, int thread)
{
    for (int i = 0; i < pool->threads; i++)
        take_from(pool, &pool->shares[(thread + i) % pool->threads], thread);
}

static bool join(struct cpu_pool *pool)
{
    int state = atomic_load(&pool->state);
    while (state & OPEN)
        if (atomic_compare_exchange_weak(&pool->state, &state, state + 1)) return true;
    return false;
}

static void leave(struct cpu_pool *pool)
{
    if (atomic_fetch_sub(&pool->state, 1) != 1 || !atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- waiting ---- */

/* Waits until another job was opened than number `seen`, and gives its number. */
static unsigned wait_for_job(struct cpu_pool *pool, unsigned seen)
{
    unsigned jobs;
    for (const double begin = base_seconds(); base_seconds() - begin < SPIN_SECONDS;)
        for (int i = 0; i < 16; i++) {
            if ((jobs = atomic_load(&pool->jobs)) != seen) return jobs;
            pause_core();
        }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while ((jobs = atomic_load(&pool->jobs)) == seen)
        pthread_cond_wait(&pool->opened, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
    return jobs;
}

static void wait_for_threads(struct cpu_pool *pool)
{
    for (const double begin = base_seconds(); base_seconds() - begin < SPIN_SECONDS;)
        for (int i = 0; i < 16; i++) {
            if (atomic_load(&pool->state) == 0) return;
            pause_core();
        }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->state) != 0) pthread_cond_wait(&pool->left, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

static void wake_sleepers(struct cpu_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->opened);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- a call ---- */

static void open_job(struct cpu_pool *pool, int64_t count)
{
    for (int t = 0; t < pool->threads; t++) {
        atomic_store_explicit(&pool->shares[t].next, count * t / pool->threads,
                              memory_order_relaxed);
        pool->shares[t].end = count * (t + 1) / pool->threads;
    }
    atomic_store(&pool->state, OPEN);
    atomic_fetch_add(&pool->jobs, 1);
    wake_sleepers(pool);
}

void cpu_pool_run(struct cpu_pool *pool, int64_t count, int64_t chunk, cpu_work *work,
                  const void *context)
{
    if (count <= 0) return;
    if (chunk <= 0) chunk = count / ((int64_t)pool->threads * CHUNKS_A_THREAD) + 1;
    if (pool->threads == 1 || count <= chunk) {
        work(context, 0, count, 0);
        return;
    }
    pool->work = work;
    pool->context = context;
    pool->chunk = chunk;
    open_job(pool, count);
    take_all(pool, 0);
    if (atomic_fetch_sub(&pool->state, OPEN) != OPEN) wait_for_threads(pool);
}

/* ---- life ---- */

static void *run_thread(void *argument)
{
    const struct start start = *(struct start *)argument;
    struct cpu_pool *pool = start.pool;
    unsigned seen = 0;
    free(argument);
    for (;;) {
        seen = wait_for_job(pool, seen);
        if (atomic_load(&pool->ending)) return NULL;
        if (!join(pool)) continue;
        take_all(pool, start.thread);
        leave(pool);
    }
}

static enum clb_status start_thread(struct cpu_pool *pool)
{
    struct start *start = malloc(sizeof *start);
    if (!start) return clb_fail(CLB_ERROR_MEMORY, "cpu: out of memory");
    *start = (struct start){.pool = pool, .thread = pool->started + 1};
    const int error = pthread_create(&pool->handles[pool->started], NULL, run_thread, start);
    if (error != 0) {
        free(start);
        return clb_fail(CLB_ERROR_MEMORY,
                        "cpu: thread %d of %d cannot be started: %s: ask for fewer by --threads",
                        pool->started + 2, pool->threads, strerror(error));
    }
    pool->started++;
    return CLB_OK;
}

enum clb_status cpu_pool_create(int threads, struct cpu_pool **out)
{
    struct cpu_pool *pool = aligned_alloc(CACHE_LINE, sizeof *pool);
    enum clb_status status = CLB_OK;
    if (!pool) return clb_fail(CLB_ERROR_MEMORY, "cpu: out of memory");
    memset(pool, 0, sizeof *pool);
    pool->threads = threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->opened, NULL);
    pthread_cond_init(&pool->left, NULL);
    pool->handles = calloc((size_t)threads, sizeof *pool->handles);
    pool->shares = aligned_alloc(CACHE_LINE, (size_t)threads * sizeof *pool->shares);
    if (!pool->handles || !pool->shares) status = clb_fail(CLB_ERROR_MEMORY, "cpu: out of memory");
    while (status == CLB_OK && pool->started < threads - 1) status = start_thread(pool);
    if (status == CLB_OK)
        *out = pool;
    else
        cpu_pool_destroy(pool);
    return status;
}

void cpu_pool_destroy(struct cpu_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->ending, true);
    atomic_fetch_add(&pool->jobs, 1);
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->opened);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; i++) pthread_join(pool->handles[i], NULL);
    pthread_cond_destroy(&pool->opened);
    pthread_cond_destroy(&pool->left);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->handles);
    free(pool->shares);
    free(pool);
}
