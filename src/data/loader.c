/* SPDX-License-Identifier: Apache-2.0 */
/* The loader: a thread that fills a ring of steps ahead of the one in use. A slot's content depends
 * on its step's number alone. */
#include "base/error.h"

#include <clbert/stream.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct clb_loader {
    struct clb_batch_source source;
    struct clb_loader_options options;
    struct clb_step_batches *slots;
    int slot_count;

    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t made, taken; /* steps since the first: slots [taken, made) are full */
    bool in_use;         /* slot `taken` has been handed out */
    bool stopping;
    enum clb_status failure;
    char message[512];
};

/* ---- the thread ---- */

static enum clb_status fill_slot(const struct clb_loader *loader, struct clb_step_batches *slot,
                                 int64_t step)
{
    const struct clb_loader_options *o = &loader->options;
    const int32_t size = o->batch_size, count = o->accumulation_steps;
    const int64_t first = (step * o->workers + o->worker) * count; /* micro-batch */
    slot->step = step;
    slot->tokens = slot->sequences = 0;
    for (int32_t i = 0; i < count; i++) {
        struct clb_batch *batch = slot->batches[i];
        clb_batch_clear(batch);
        enum clb_status status =
            loader->source.fill(loader->source.context, first + i, size, batch);
        if (status != CLB_OK) return status;
        slot->sequences += batch->sequences;
        slot->tokens += batch->total_tokens;
    }
    return CLB_OK;
}

static void *run(void *argument)
{
    struct clb_loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stopping && loader->failure == CLB_OK) {
        if (loader->made - loader->taken == loader->slot_count) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        const int64_t next = loader->made;
        pthread_mutex_unlock(&loader->mutex);
        enum clb_status status = fill_slot(loader, &loader->slots[next % loader->slot_count],
                                           loader->options.first_step + next);
        pthread_mutex_lock(&loader->mutex);
        loader->failure = status;
        if (status == CLB_OK)
            loader->made++;
        else
            snprintf(loader->message, sizeof loader->message, "%s", clb_error_message());
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* ---- the other side ---- */

static enum clb_status create_slots(struct clb_loader *loader)
{
    const int32_t size = loader->options.batch_size, count = loader->options.accumulation_steps;
    const int32_t tokens = size * loader->source.max_seq_length;
    loader->slots = calloc((size_t)loader->slot_count, sizeof *loader->slots);
    if (!loader->slots) return clb_fail(CLB_ERROR_MEMORY, "loader: out of memory");
    for (int s = 0; s < loader->slot_count; s++) {
        loader->slots[s].batches = calloc((size_t)count, sizeof(struct clb_batch *));
        if (!loader->slots[s].batches) return clb_fail(CLB_ERROR_MEMORY, "loader: out of memory");
        loader->slots[s].count = count;
        for (int32_t i = 0; i < count; i++) {
            enum clb_status status = clb_batch_create(size, tokens, &loader->slots[s].batches[i]);
            if (status != CLB_OK) return status;
        }
    }
    return CLB_OK;
}

static enum clb_status check_options(const struct clb_loader_options *o, int32_t workers,
                                     int32_t max_seq_length)
{
    if (o->batch_size < 1 || o->accumulation_steps < 1 || o->prefetch < 1 ||
        o->prefetch == INT32_MAX || o->first_step < 0)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "loader: %d sequences, %d micro-batches, %d steps ahead of step %lld",
                        o->batch_size, o->accumulation_steps, o->prefetch,
                        (long long)o->first_step);
    if ((int64_t)o->batch_size * max_seq_length > INT32_MAX)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "a batch of %d sequences of %d tokens has more than 2^31: make it smaller, "
                        "and accumulate gradients",
                        o->batch_size, max_seq_length);
    if (o->worker < 0 || o->worker >= workers)
        return clb_fail(CLB_ERROR_ARGUMENT, "loader: worker %d of %d", o->worker, workers);
    int64_t examples; /* half of what can be counted is far enough for any number of steps */
    if (__builtin_mul_overflow((int64_t)o->batch_size * o->accumulation_steps, workers,
                               &examples) ||
        o->first_step > INT64_MAX / 2 / examples)
        return clb_fail(CLB_ERROR_ARGUMENT, "step %lld: there are not so many examples",
                        (long long)o->first_step);
    return CLB_OK;
}

int64_t clb_step_label_count(const struct clb_step_batches *step, const char *name)
{
    int64_t count = 0;
    for (int32_t i = 0; i < step->count; i++)
        count += clb_batch_label_count(step->batches[i], name);
    return count;
}

enum clb_status clb_loader_create(const struct clb_batch_source *source,
                                  const struct clb_loader_options *options, struct clb_loader **out)
{
    const int32_t workers = options->workers > 0 ? options->workers : 1;
    enum clb_status status = check_options(options, workers, source->max_seq_length);
    if (status != CLB_OK) return status;
    struct clb_loader *loader = calloc(1, sizeof *loader);
    if (!loader) return clb_fail(CLB_ERROR_MEMORY, "loader: out of memory");
    loader->source = *source;
    loader->options = *options;
    loader->options.workers = workers;
    loader->slot_count = options->prefetch + 1; /* one is in use */
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    status = create_slots(loader);
    if (status == CLB_OK) {
        loader->started = pthread_create(&loader->thread, NULL, run, loader) == 0;
        if (!loader->started)
            status = clb_fail(CLB_ERROR_MEMORY, "loader: no thread could be started");
    }
    if (status != CLB_OK) {
        clb_loader_destroy(loader);
        return status;
    }
    *out = loader;
    return CLB_OK;
}

enum clb_status clb_loader_next(struct clb_loader *loader, const struct clb_step_batches **step)
{
    enum clb_status status = CLB_OK;
    pthread_mutex_lock(&loader->mutex);
    if (loader->in_use) { /* what was handed out last is given back */
        loader->in_use = false;
        loader->taken++;
        pthread_cond_broadcast(&loader->changed);
    }
    while (loader->made == loader->taken && loader->failure == CLB_OK)
        pthread_cond_wait(&loader->changed, &loader->mutex);
    loader->in_use = loader->made > loader->taken;
    if (loader->in_use)
        *step = &loader->slots[loader->taken % loader->slot_count];
    else
        status = clb_fail(loader->failure, "%s", loader->message);
    pthread_mutex_unlock(&loader->mutex);
    return status;
}

void clb_loader_destroy(struct clb_loader *loader)
{
    if (!loader) return;
    if (loader->started) {
        pthread_mutex_lock(&loader->mutex);
        loader->stopping = true;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        pthread_join(loader->thread, NULL);
    }
    for (int s = 0; loader->slots && s < loader->slot_count; s++) {
        for (int32_t i = 0; loader->slots[s].batches && i < loader->slots[s].count; i++)
            clb_batch_destroy(loader->slots[s].batches[i]);
        free(loader->slots[s].batches);
    }
    free(loader->slots);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    free(loader);
}
