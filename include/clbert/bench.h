/* SPDX-License-Identifier: Apache-2.0 */
/* Speed on a device: of training, by whole steps on synthetic batches of full sequences; of
 * embedding texts; and of single operations at the shapes of a step of training. */
#ifndef CLBERT_BENCH_H
#define CLBERT_BENCH_H

#include <clbert/api.h>
#include <clbert/config.h>
#include <clbert/device.h>
#include <stdbool.h>

CLB_BEGIN_DECLS

enum clb_bench_task {
    CLB_BENCH_TRAINING,
    CLB_BENCH_EMBEDDING, /* a step is a window of synthetic texts, whose lengths vary as sentences'
                            and paragraphs' do; or all texts of `input` */
};

struct clb_bench_options {
    enum clb_bench_task task;
    struct clb_config config;
    int32_t batch_size, max_seq_length; /* of embedding as in struct clb_embedder_options, but that
                                           synthetic texts need a length */
    const char *input;     /* of embedding: a file, a text a line or a record's "text", read,
                              tokenised and embedded in each step; NULL: synthetic texts */
    const char *directory; /* of the model and its tokenizer, where there is an input */
    float mlm_probability;
    enum clb_type precision; /* of the products' operands */
    int32_t steps;           /* timed, after two that are not */
    bool profile;            /* as many steps again, every call waited for: each operation's time */
};

/* What an operation reaches: one of a step's, all its calls together, or one at one shape. */
struct clb_bench_operation {
    char name[128];    /* "norm_forward"; at one shape "attention_forward 8x12x64 dropout 0.1 first
                          128", as verify names cases */
    int64_t calls;     /* in the step; 1 */
    double seconds;    /* of all these calls: the median */
    bool multiplies;   /* counted in floating-point operations of its products, else in bytes */
    double rate;       /* 10^9 of these a second, as struct clb_profile_entry counts them */
    double share;      /* of the device's peak, or of what clb_add reaches */
    double step_share; /* of the time of all operations of the step; 0 */
};

struct clb_bench_operations {
    struct clb_bench_operation *operations;
    int count;
    double peak_gflops;      /* as in clb_bench_result */
    double stream_gigabytes; /* 10^9 bytes a second of clb_add on large buffers, measured now */
};

CLB_API void clb_bench_operations_free(struct clb_bench_operations *results);

struct clb_bench_result {
    double seconds_per_step; /* the median */
    double tokens_per_second, sequences_per_second;
    double gflops;      /* of the model's products, as clb_config_flops_per_token counts; of
                           embedding forward and without heads */
    double peak_gflops; /* what the device reaches in a loop of multiply-adds, measured now */
    struct clb_traffic traffic;          /* of the timed steps, without the wait that times them */
    struct clb_bench_operations profile; /* of a step, where asked for */
};

/* With `profile`, the device's profile entries hold the last step. result->profile is released with
 * clb_bench_operations_free, also after a failure. */
CLB_API enum clb_status clb_benchmark(struct clb_device *device,
                                      const struct clb_bench_options *options,
                                      struct clb_bench_result *result);

/* Times the operations whose case's name contains `only`, on the inputs of clb_verify_operations:
 * after a warm-up, `steps` times as many queued calls as fill 20 ms, with one wait. None of that
 * name: CLB_ERROR_ARGUMENT that lists them. What one allocation of the device cannot hold is left
 * out and said so. The device's profile begins anew. Released with clb_bench_operations_free, also
 * after a failure. */
CLB_API enum clb_status clb_benchmark_operations(struct clb_device *device,
                                                 const struct clb_bench_options *options,
                                                 const char *only,
                                                 struct clb_bench_operations *results);

CLB_END_DECLS

#endif
