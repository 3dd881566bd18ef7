/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, memory and tensors: the lower half of the dispatch layer. */
#ifndef CLBERT_DEVICE_H
#define CLBERT_DEVICE_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

CLB_BEGIN_DECLS

struct clb_device;

/* fp32 and int32; what products and attention may take instead of fp32: bf16 (8 bits of exponent, 7
 * of fraction), fp16 (IEEE 754 binary16), and tf32 (8 and 10 bits). A tensor of tf32 holds fp32
 * numbers: products and attention round those that they multiply, what they give is not rounded,
 * and whatever else reads it sees fp32. */
enum clb_type { CLB_F32 = 0, CLB_I32 = 1, CLB_BF16 = 2, CLB_F16 = 3, CLB_TF32 = 4 };

/* What is known of a device before it is opened. */
struct clb_device_info {
    char selector[32]; /* "cpu" or "opencl:P.D": what --device may be */
    char name[128];    /* "AMD EPYC 9354" */
    char vendor[128];
    char platform[128];   /* the OpenCL platform's name; "" for cpu */
    char driver[128];     /* driver version; for cpu the compiler */
    char version[64];     /* OpenCL version; for cpu the instruction set chosen, as "x86-64-v4" */
    int64_t memory_bytes; /* global memory */
    int64_t max_allocation_bytes;
    int64_t scratch_bytes; /* what products take beside their operands; 0: it is not known */
    int32_t compute_units; /* OpenCL compute units; for cpu the threads that will be used */
    int32_t clock_mhz;     /* 0 where it is not told */
    bool is_gpu;
    bool is_integrated; /* a GPU that shares the host's memory */
    bool is_cpu_path;   /* the plain-C reference path */
    /* The products chosen, as "tile 14x32 (412 GFLOP/s in 12 products), clblast (390 GFLOP/s in 3
     * products)", other operands behind "; bf16: "; "" while not yet known. A candidate found wrong
     * is named here. */
    char gemm[512];
};

/* Lists every device: the CPU path first, then every usable device of every OpenCL platform.
 * `*infos` is an array of `*count`, to be released with free(). A machine without any OpenCL
 * platform is no error: the list then has the CPU path alone. A driver that fails is warned of on
 * standard error, and its devices are missing. Fills `gemm` from the choices cached on disk. */
CLB_API enum clb_status clb_device_list(struct clb_device_info **infos, int *count);

enum { CLB_MOST_THREADS = 1024 }; /* of the CPU path */

/* Opens the device that `selector` names, without regard to case:
 *   "auto"          the best GPU where there is one, else the CPU path
 *   "cpu"           the CPU path; OpenCL is not touched
 *   "opencl"        the best OpenCL device: a discrete GPU before an integrated one before others,
 *                   then by an estimate of its speed
 *   "opencl:P.D"    by its number; no other platform is touched
 *   "gpu", "igpu"   the best GPU, the best integrated one
 *   "nvidia", "amd", "intel"; "cuda", "rocm" and "hip", "xpu"   the best GPU of that vendor
 *   "gpu:N", "cuda:N" ...   of these the one of number N, from 0, in the order of the list
 *   any other text  a device's whole name, or a part of one device's or platform's name
 * Unknown or ambiguous: CLB_ERROR_ARGUMENT with the choices listed. The caller closes it with
 * clb_device_close. `threads` is for the CPU path, 0 = all. */
CLB_API enum clb_status clb_device_open(const char *selector, int threads,
                                        struct clb_device **device);

/* Releases the device; its arenas must be gone. NULL is allowed. */
CLB_API void clb_device_close(struct clb_device *device);

CLB_API const struct clb_device_info *clb_device_info(const struct clb_device *device);

/* One line why the device was chosen, for the log: "cpu path: no GPU among 2 OpenCL devices". */
CLB_API const char *clb_device_reason(const struct clb_device *device);

/* ---- products ---- */

/* An OpenCL device multiplies matrices in the way that was fastest when it was measured: at its
 * first product of each type of operands, at the shapes it was told to expect. The ways differ in
 * their last digits, so a run that is to go on to the same bits keeps the choice.
 *
 * The choice as a line of ASCII text, malloc'd: the device, its driver and the shape of its
 * kernels, then the way of each kind of product of each type that was multiplied, by shape where it
 * differs (m x n x k):
 *
 *   PLATFORM, NAME, DRIVER, VERSION, wide | fp32 nt=tile 14x32, fp32 nn 4096x768x768=clblast, ...
 *
 * "clblast" alone is CLBlast as it chooses by itself, which it is in records of before it could be
 * tuned; "clblast 0.1.32..." says all its parameters, which need not be kept anywhere else.
 * Records up to 0.2.0 name no type ("nt=tile 14x32"): they are honoured for all. "" before the
 * first product, and for the CPU path, which has one way only. */
CLB_API enum clb_status clb_device_products(const struct clb_device *device, char **record);

/* A linear layer as a model will use it: [rows, inputs] times a weight [outputs, inputs], and, in
 * training, the gradients of both. */
struct clb_layer {
    enum clb_type operands;
    int64_t rows, outputs, inputs; /* as many rows as the largest batch has */
    bool training;
};

/* Tells the device what it will multiply, before the first product of such operands: what is told
 * later finds the choice made, and takes that of the nearest shape. A layer counts as often as it
 * is listed. Told nothing, a device measures at a shape of its own. */
CLB_API enum clb_status clb_device_expect(struct clb_device *device, const struct clb_layer *layers,
                                          int count);

/* Makes a device that was just opened take the ways of a record instead of measuring. Where it
 * cannot - the record is another device's, driver's or shape's, a way is not known here any more,
 * gives wrong results here or CLBERT_GEMM forces another - *honoured is false, clb_error_message()
 * says why, and the device measures as ever. The CPU path honours "". */
CLB_API enum clb_status clb_device_use_products(struct clb_device *device, const char *record,
                                                bool *honoured);

/* ---- tuning ---- */

struct clb_tuning_options {
    enum clb_type operands;
    double seconds;                    /* of searching, after the measurement that every first
                                          product makes */
    const volatile sig_atomic_t *stop; /* not 0: enough; NULL: nobody asks */
};

struct clb_tuning {
    int tried, left;      /* tiles and sets of CLBlast's parameters that were, and that time was
                             too short for */
    int faster;           /* products for which one of them is now taken, */
    int products;         /* of so many */
    double before, after; /* mean GFLOP/s over the products */
    char clblast[96];     /* the parameters of CLBlast that are kept; "": its own choice */
    int passed_over;      /* sets that cannot be compiled or give wrong results */
};

/* Searches tiles of the product in local memory and, for fp32, CLBlast's parameters, at the shapes
 * that the device was told to expect, and keeps what was measured on disk, after each: what is
 * stopped is not lost, and goes on where it was. Later opened devices take the fastest. CLBlast has
 * one set of parameters for all products of a device: the last search's best. A process that has
 * tried any cannot have CLBlast's own choice back: should that be the fastest, products of this
 * process that need it fail. Nothing to search - the CPU path, or reduced operands where kernels
 * use no local memory, as on CPUs: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_device_tune(struct clb_device *device,
                                        const struct clb_tuning_options *options,
                                        struct clb_tuning *result);

/* Waits until everything queued is done and reports what failed in it. */
CLB_API enum clb_status clb_device_finish(struct clb_device *device);

/* Makes the device begin with what is queued, without waiting. */
CLB_API enum clb_status clb_device_flush(struct clb_device *device);

/* ---- speed ---- */

/* Measures, for a fraction of a second, how many 10^9 floating-point operations a second the device
 * reaches in independent multiply-adds on registers: the peak that products are compared with. */
CLB_API enum clb_status clb_device_peak(struct clb_device *device, double *gflops);

struct clb_profile_entry {
    const char *operation; /* "linear_forward" */
    int64_t calls;
    double seconds; /* with profiling on, every call is waited for */
    /* What the calls did, by the shapes of their tensors. Sequences inside a batch are not seen:
     * attention is taken to have max_seqlen keys for every token, which is exact where all
     * sequences are as long as that, and else an upper bound. */
    double flops; /* of products and attention: two for each multiply-add; 0 for the others */
    double bytes; /* read and written at least: every number once each way */
};

/* Enabled: the entries begin anew. Disabled: they stay as they are. */
CLB_API void clb_device_profile(struct clb_device *device, bool enabled);
/* Entries in order of ops.h; *count of them; owned by the device. */
CLB_API const struct clb_profile_entry *clb_device_profile_entries(const struct clb_device *device,
                                                                   int *count);

/* What went between host and device, and what was queued there, since the device was opened. A
 * host that runs ahead of its device waits for nothing between two looks at the results. */
struct clb_traffic {
    int64_t launches;      /* kernels and copies queued; a library's own are not counted */
    int64_t writes, bytes; /* from the host */
    int64_t waits;         /* the host waited until all that was queued was done */
    int64_t held;          /* the host was two batches ahead, and waited until it was one */
};
CLB_API struct clb_traffic clb_device_traffic(const struct clb_device *device);

/* ---- tensors ---- */

/* Bytes of an element. */
static inline int64_t clb_type_size(enum clb_type type)
{
    return type == CLB_BF16 || type == CLB_F16 ? 2 : 4;
}

/* That of its numbers in memory. */
static inline enum clb_type clb_type_stored(enum clb_type type)
{
    return type == CLB_TF32 ? CLB_F32 : type;
}

CLB_API const char *clb_type_name(enum clb_type type); /* "fp32", "int32", "bf16", "fp16", "tf32" */
/* The type of a precision: "fp32", "tf32", "bf16" or "fp16"; another name: CLB_ERROR_ARGUMENT that
 * lists them. */
CLB_API enum clb_status clb_precision_named(const char *name, enum clb_type *type);

/* Whether products and attention of a device take operands of a type. */
CLB_API bool clb_device_multiplies(const struct clb_device *device, enum clb_type type);
/* CLB_ERROR_ARGUMENT where they do not. */
CLB_API enum clb_status clb_device_check_precision(const struct clb_device *device,
                                                   enum clb_type type);

struct clb_arena;

/* A dense row-major matrix in device memory. A plain value: copy it freely. It never owns memory:
 * an arena does. A vector of n is { rows = n, columns = 1 }. */
struct clb_tensor {
    struct clb_device *device;
    void *memory; /* the backend's: a host pointer or a sub-buffer that begins at this tensor */
    int64_t rows, columns;
    enum clb_type type;
    /* Where the memory lies, so that operations can refuse what is too large or shares memory. */
    const struct clb_arena *arena;
    int64_t offset;   /* bytes from the arena's beginning */
    int64_t capacity; /* elements that there is memory for */
};

/* The first `rows` rows of a tensor: buffers are planned for the largest batch and used in part.
 * More than there is memory for: operations refuse what comes back. */
CLB_API struct clb_tensor clb_tensor_first_rows(struct clb_tensor tensor, int64_t rows);

/* The same memory as another matrix with as many elements or fewer. */
CLB_API struct clb_tensor clb_tensor_reshape(struct clb_tensor tensor, int64_t rows,
                                             int64_t columns);

static inline int64_t clb_tensor_elements(struct clb_tensor tensor)
{
    return tensor.rows * tensor.columns;
}

static inline int64_t clb_tensor_bytes(struct clb_tensor tensor)
{
    return clb_tensor_elements(tensor) * clb_type_size(tensor.type);
}

/* Copies `count` elements from the host to the tensor's beginning. The host memory
 * may be reused at once. */
CLB_API enum clb_status clb_tensor_write(struct clb_tensor tensor, const void *host, int64_t count);

/* Copies `count` elements from the tensor's beginning to the host; waits for what was queued. */
CLB_API enum clb_status clb_tensor_read(struct clb_tensor tensor, void *host, int64_t count);
/* The same from element `first` on. */
CLB_API enum clb_status clb_tensor_read_from(struct clb_tensor tensor, int64_t first, void *host,
                                             int64_t count);

/* ---- arenas ---- */

/* Elements to a multiple of which every tensor of an arena is padded: 4 KiB, or 2 KiB where they
 * are reduced, meets every device's alignment of sub-buffers, and one block never holds parts of
 * two tensors. */
#define CLB_BLOCK 1024

/* An arena is one allocation (or some, clb_arena_in_parts) that holds many tensors, each a
 * sub-buffer: all weights, all gradients, the activations of a layer. Tensors are first declared,
 * which plans the memory; commit allocates. */

CLB_API enum clb_status clb_arena_create(struct clb_device *device, const char *name,
                                         struct clb_arena **arena);
/* Releases the memory of all its tensors. NULL is allowed. */
CLB_API void clb_arena_destroy(struct clb_arena *arena);

/* Declares a tensor; `*tensor` gets its shape at once and its memory at commit, so it must stay
 * where it is until then. */
CLB_API enum clb_status clb_arena_add(struct clb_arena *arena, enum clb_type type, int64_t rows,
                                      int64_t columns, struct clb_tensor *tensor);

/* Bytes declared so far, with padding. */
CLB_API int64_t clb_arena_bytes(const struct clb_arena *arena);

/* Before anything is added: where all tensors together are over the device's cap on one allocation,
 * the arena is several, its parts, of whole tensors in the order in which they were added. Arenas
 * of the same tensors have the same parts, whatever their types. */
CLB_API void clb_arena_in_parts(struct clb_arena *arena);
CLB_API int clb_arena_parts(const struct clb_arena *arena);

/* Allocates and fills everything with zeros. An allocation over the device's cap, or more memory
 * than it has: CLB_ERROR_MEMORY with the arena's name and size. */
CLB_API enum clb_status clb_arena_commit(struct clb_arena *arena);

/* The whole allocation as one tensor [elements, 1]: of the type of its tensors, or, where they have
 * several, of CLB_I32. Valid after commit. Padding is zero and operations that are meant for it
 * keep it so. */
CLB_API struct clb_tensor clb_arena_whole(const struct clb_arena *arena);

/* The same of one part; of an arena of several the whole has no memory. */
CLB_API struct clb_tensor clb_arena_part(const struct clb_arena *arena, int part);

CLB_END_DECLS

#endif
