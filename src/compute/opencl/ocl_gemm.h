/* SPDX-License-Identifier: Apache-2.0 */
/* Products: CLBlast, tiles of our own in cl/gemm.cl, and for reduced operands a GPU's matrix engine
 * in cl/gemm_matrix.cl. Which one a device uses is measured at the
 * first product of each type of operands, at the shapes that the model said it would have
 * (clb_device_expect), or, where nothing was said, at one that fills most devices. A product takes
 * what was chosen for the nearest of these shapes. The measurements are kept on disk for this
 * device, driver, shape of kernels and version of clbert. CLBlast has the parameters that clbert tune
 * has found there, or its own.
 *
 * A candidate is first compared with a product on the host, for each type by itself; a wrong one is
 * never used and named in info.gemm. One that fails is not used either, but nothing is kept then:
 * the next start tries it again.
 *
 * Environment: CLBERT_GEMM forces one candidate without a measurement: "clblast", "tile" (the
 * wide-vector tile 14x32), "tile6x16", "local" (128x128 in local memory), "local64", or an engine's
 * tile by its name, as "mma 128x128", emulated where the device has not got it. Operands that it
 * does not take are multiplied by the first tile that does. */
#ifndef OCL_GEMM_H
#define OCL_GEMM_H

#include "compute/opencl/ocl.h"

#include <jansson.h>

/* C [m, n] = A B, row-major, by how A and B lie in memory. */
enum ocl_gemm_kind {
    OCL_GEMM_NT, /* A [m, k], B [n, k]: forward */
    OCL_GEMM_NN, /* A [m, k], B [k, n]: gradient of the input */
    OCL_GEMM_TN, /* A [k, m], B [k, n]: gradient of the weight */
    OCL_GEMM_KINDS
};

struct ocl_product {
    enum ocl_gemm_kind kind;
    int64_t m, n, k;
    cl_mem a, b, c;
    bool accumulate;        /* C += A B */
    enum clb_type operands; /* of A and B */
    enum clb_type type;     /* of C: fp32, or that of A and B, if it is a reduced one */
    struct ocl_then {       /* what is done with the sums: epilogue.cl */
        enum ocl_epilogue epilogue;
        enum clb_activation activation;
        const struct clb_tensor *bias;  /* FORWARD: [n] or NULL; SUMS: [m], which is added to */
        const struct clb_tensor *saved; /* FORWARD: pre [m, n] or NULL; SLOPE: [m, n] */
        const struct clb_tensor *input; /* SLOPE: activation(saved) [m, n] or NULL */
    } then;
};

/* Whatever multiplies: what its kernel does not do itself follows in one of its own. */
enum clb_status ocl_gemm(struct ocl_device *device, const struct ocl_product *product);

/* ---- after a product: ocl_epilogue.c ---- */

enum { OCL_EPILOGUE_ARGS = 4 }; /* at most */
/* The arguments of EPILOGUE_PARAMETERS; how many. */
int ocl_epilogue_args(struct ocl_device *device, const struct ocl_then *then,
                      struct ocl_arg args[OCL_EPILOGUE_ARGS]);
/* C (+)= the epilogue of the sum of so many fp32 matrices in `parts`. */
enum clb_status ocl_finish_product(struct ocl_device *device, const struct ocl_product *product,
                                   cl_mem parts, int64_t splits);

/* One way to multiply. Those by tiles in local memory do what follows themselves; the others get
 * products that end with their sums. */
struct ocl_gemm_candidate;
typedef enum clb_status ocl_gemm_run(struct ocl_device *device,
                                     const struct ocl_gemm_candidate *candidate,
                                     const struct ocl_product *product);
struct ocl_gemm_candidate {
    const char *name;
    const char *forced; /* CLBERT_GEMM's word for it; NULL: none */
    ocl_gemm_run *run;
    const struct ocl_tile *tile;          /* NULL: CLBlast, which has its own */
    unsigned types;                       /* 1 << type for every type of operands that it takes */
    const struct ocl_clblast *parameters; /* of CLBlast; NULL: as it chooses */
};

enum {
    OCL_GEMM_REDUCED = 1u << CLB_BF16 | 1u << CLB_F16,
    OCL_GEMM_ALL_TYPES = 1u << CLB_F32 | 1u << CLB_TF32 | OCL_GEMM_REDUCED,
};

ocl_gemm_run ocl_gemm_clblast, ocl_gemm_tile;

/* ---- what a device uses ---- */

/* What a choice is made for. */
struct ocl_gemm_shape {
    enum ocl_gemm_kind kind;
    int64_t m, n, k; /* 0: whatever they are */
};

struct ocl_gemm_choice {
    struct ocl_gemm_shape shape;
    const struct ocl_gemm_candidate *candidate;
    double gflops; /* 0: not measured */
};

enum {
    OCL_GEMM_TYPES = CLB_TF32 + 1,
    OCL_GEMM_SHAPES = 24, /* at most so many are measured of a type */
};

/* The choices of one type of operands. */
struct ocl_gemm_choices {
    struct ocl_gemm_choice of[OCL_GEMM_SHAPES];
    int count;
    const char *how; /* "", " (as recorded)" */
};

/* What a model said it would multiply, the most work first. */
struct ocl_gemm_expected {
    struct ocl_gemm_shape shapes[OCL_GEMM_SHAPES];
    double work[OCL_GEMM_SHAPES]; /* multiply-adds of a step */
    int count;
};

struct ocl_gemm {
    struct ocl_gemm_expected expected[OCL_GEMM_TYPES];
    struct ocl_gemm_choices choices[OCL_GEMM_TYPES]; /* none before the first product of a type */
    bool for_all_types; /* the fp32 choices are an old record's, for the other types, too */
    char text[sizeof((struct clb_device_info *)0)->gemm]; /* info.gemm */
};

enum clb_status ocl_gemm_open(struct ocl_device *device);
void ocl_gemm_close(struct ocl_device *device);
/* Puts the choice, where it is known by now, into the description. */
void ocl_gemm_describe(struct clb_device *device);

/* ---- what is expected: ocl_gemm_expect.c ---- */

/* clb_device_expect. Layers that are too small to fill a device, or a small part of the work, are
 * passed over; numbers of rows are taken for the power of two below, at most 4096, beyond which
 * nothing changes any more. */
enum clb_status ocl_gemm_expect(struct clb_device *device, const struct clb_layer *layers,
                                int count);
/* What is measured for a type: what is expected, or, without that, one shape of each kind. */
int ocl_gemm_shapes(const struct ocl_device *device, enum clb_type type,
                    struct ocl_gemm_shape shapes[OCL_GEMM_SHAPES]);

/* ---- matrix engines: ocl_gemm_engine.c ---- */

/* 1 << enum ocl_engine: those that the device's name, extensions and capabilities promise. */
unsigned ocl_engines_of(const struct ocl_device *device);
/* Whether it is one of those, or none is needed. */
bool ocl_has_engine(const struct ocl_device *device, enum ocl_engine engine);

/* ---- the candidates, and choosing among them: ocl_gemm_choice.c ---- */

enum { OCL_GEMM_CLBLAST, OCL_GEMM_CANDIDATES = 15 };
extern const struct ocl_gemm_candidate ocl_gemm_candidates[OCL_GEMM_CANDIDATES];
extern const char *const ocl_gemm_kind_names[OCL_GEMM_KINDS]; /* "nt" */
/* The same for a device: CLBlast with the parameters that were kept for it. */
const struct ocl_gemm_candidate *ocl_gemm_candidate(const struct ocl_device *device, int i);
/* The candidate of a name, where this device can use it, or one that was tuned; NULL: none. */
const struct ocl_gemm_candidate *ocl_gemm_find(struct ocl_device *device, const char *name);
/* Whether it can multiply such operands, and is worth trying. */
bool ocl_gemm_takes(const struct ocl_device *device, const struct ocl_gemm_candidate *candidate,
                    enum clb_type type);
/* The wanted one for operands that it takes, where the device can hold it, else the first of our
 * own tiles that does. */
const struct ocl_gemm_candidate *ocl_gemm_for_type(const struct ocl_device *device,
                                                   const struct ocl_gemm_candidate *wanted,
                                                   enum clb_type type);
/* The candidate that CLBERT_GEMM forces; NULL: none. An unknown one is an error. */
enum clb_status ocl_gemm_forced(const struct ocl_gemm_candidate **candidate);
/* Makes the choices of a type, at its first product. */
enum clb_status ocl_gemm_choose(struct ocl_device *device, enum clb_type type);
/* All products of a kind by one candidate. */
void ocl_gemm_choose_for_all(struct ocl_gemm_choices *choices, enum ocl_gemm_kind kind,
                             const struct ocl_gemm_candidate *candidate);
/* That for the nearest shape. */
const struct ocl_gemm_candidate *ocl_gemm_nearest(const struct ocl_gemm_choices *choices,
                                                  const struct ocl_gemm_shape *shape);

/* ---- measuring: ocl_gemm_measure.c, with the operands of ocl_gemm_bench.c ---- */

/* Measures the candidates of a type at `count` shapes and adds the results to `results`, a type's
 * part of what is kept. *failed: a call did, so that something is not known. */
enum clb_status ocl_gemm_measure(struct ocl_device *device, enum clb_type type,
                                 const struct ocl_gemm_shape *shapes, int count, json_t *results,
                                 bool *failed);

/* The shape with as many rows of a batch as take little time at so many GFLOP/s. */
struct ocl_gemm_shape ocl_gemm_shorten(struct ocl_gemm_shape shape, double gflops);

struct ocl_gemm_bench;
enum clb_status ocl_gemm_bench_open(struct ocl_device *device, enum clb_type type,
                                    struct ocl_gemm_bench **bench);
void ocl_gemm_bench_close(struct ocl_gemm_bench *bench);
/* Compares products of small shapes, which end in the middle of every tile, with the host's; *right
 * is false where one is wrong. */
enum clb_status ocl_gemm_bench_check(struct ocl_gemm_bench *bench,
                                     const struct ocl_gemm_candidate *candidate, bool *right);
/* The same by some elements of one product of any shape. */
enum clb_status ocl_gemm_bench_spot_check(struct ocl_gemm_bench *bench,
                                          const struct ocl_gemm_candidate *candidate,
                                          const struct ocl_gemm_shape *shape, bool *right);
/* How fast it is, several products queued at once; `expected` GFLOP/s say how many. */
enum clb_status ocl_gemm_bench_time(struct ocl_gemm_bench *bench,
                                    const struct ocl_gemm_candidate *candidate,
                                    const struct ocl_gemm_shape *shape, double expected,
                                    double *gflops);
double ocl_gemm_gflop(const struct ocl_gemm_shape *shape);

/* ---- what was measured, on disk and in memory: ocl_gemm_results.c ----
 *
 * {"fp32": {"wrong": ["clblast"], "failed": [],
 *           "products": [{"kind": "nt", "m": 4096, "n": 768, "k": 768,
 *                         "gflops": {"tile 14x32": 412, "tile 6x16": 300}}]}, "bf16": ...}
 *
 * Rates are {} where there was no time for a shape: it takes the choice of the nearest. */

/* What is kept of a device; an empty object where there is nothing, or what is no such table, which
 * is deleted. NULL: out of memory. */
json_t *ocl_gemm_load(const struct clb_device_info *info, const struct ocl_shape *shape);
void ocl_gemm_save(const struct clb_device_info *info, const struct ocl_shape *shape,
                   const json_t *all);
/* A type's part, made where there is none. */
json_t *ocl_gemm_results(json_t *all, enum clb_type type);
/* "wrong" or "failed". */
bool ocl_gemm_is_noted(const json_t *results, const char *list, const char *candidate);
void ocl_gemm_note(json_t *results, const char *list, const char *candidate);
/* The rates of a shape by candidate, made where there are none and `make` is given; NULL: none. */
json_t *ocl_gemm_rates(json_t *results, const struct ocl_gemm_shape *shape, bool make);
/* info.gemm of a device that is not open. */
void ocl_gemm_describe_cached(struct clb_device_info *info, const struct ocl_shape *shape);
/* Adds to a text "tile 14x32 (412 GFLOP/s in 12 products), clblast (...)" and what is noted. */
void ocl_gemm_append_choices(char *text, size_t size, enum clb_type type,
                             const struct ocl_gemm_choices *choices, const json_t *results);

/* ---- parameters of CLBlast: ocl_gemm_parameters.c ---- */

enum { OCL_CLBLAST_PARAMETERS = 27, OCL_CLBLAST_NAME = 96 };
/* A set: all that its fp32 product has, in the order of the table there. */
struct ocl_clblast {
    int values[OCL_CLBLAST_PARAMETERS];
};

/* Whether it keeps CLBlast's rules, and a work-group may be as large. */
bool ocl_clblast_fits(const struct ocl_clblast *set, const struct ocl_limits *limits);
/* "clblast 0.1.32.2....", which says all of them. */
void ocl_clblast_name(const struct ocl_clblast *set, char name[OCL_CLBLAST_NAME]);
bool ocl_clblast_read(const char *name, struct ocl_clblast *set);
/* The set of number i: known to be good somewhere; one that rearranges the operands of large
 * products only; one that differs from another in one parameter at most. False: no such number. */
bool ocl_clblast_known(int i, struct ocl_clblast *set);
bool ocl_clblast_mixed(const struct ocl_clblast *indirect, const struct ocl_clblast *direct, int i,
                       struct ocl_clblast *set);
bool ocl_clblast_neighbour(const struct ocl_clblast *of, int i, struct ocl_clblast *set);
/* Whether it never, or always, rearranges operands. */
bool ocl_clblast_is_direct(const struct ocl_clblast *set);
bool ocl_clblast_is_indirect(const struct ocl_clblast *set);
/* Makes the device's next products by CLBlast such; NULL: as it chooses itself, which it cannot any
 * more in a process that has used a set. */
enum clb_status ocl_clblast_use(struct ocl_device *device, const struct ocl_clblast *set);

/* ---- which of them: ocl_gemm_tune_clblast.c ----
 *
 * Beside the fp32 products the table has
 *
 *   "clblast": "clblast 0.1.32...",   what is kept: it takes the place of "clblast" in the rates
 *   "passed over": ["clblast ..."],   wrong, not compiled, or what a process died of
 *   "trials": {"nt 4096x768x768": {"clblast 0.1.32...": 512}} */

/* Makes the set that is kept, if any, the device's CLBlast; one that CLBlast refuses is said. */
void ocl_clblast_take_kept(struct ocl_device *device, const json_t *all);
/* The next set to try; NULL: all were. How many there are, as far as is known now. */
struct ocl_gemm_search;
const struct ocl_gemm_candidate *ocl_clblast_next(struct ocl_gemm_search *search);
int ocl_clblast_left(struct ocl_gemm_search *search);
/* Tries it, and keeps it where it is the fastest. */
enum clb_status ocl_clblast_try(struct ocl_gemm_search *search,
                                const struct ocl_gemm_candidate *set);

/* ---- what is found by a search: ocl_gemm_tune.c ----
 *
 * "local 64x128x16x4" is a tile in local memory of MWG, NWG, KWG and KWI. Its rates stand in the
 * table beside those of the candidates that every device has. */

struct ocl_gemm_search {
    struct ocl_device *device;
    enum clb_type type;
    struct ocl_gemm_bench *bench;
    json_t *all, *results;
    struct ocl_gemm_shape shapes[OCL_GEMM_SHAPES];
    double best[OCL_GEMM_SHAPES]; /* GFLOP/s */
    int count;
};
/* Checks it and fills rates[search->count] with GFLOP/s, 0 from where it is far behind the best. */
enum clb_status ocl_gemm_try(struct ocl_gemm_search *search,
                             const struct ocl_gemm_candidate *candidate, const double *best,
                             double *rates, bool *right);

/* The candidate of such a name, or of a set of CLBlast's parameters, made where it is new and can
 * be; it lives as long as the device. NULL: it is no such name. */
const struct ocl_gemm_candidate *ocl_gemm_tuned(struct ocl_device *device, const char *name);
bool ocl_gemm_is_tuned(const struct ocl_gemm_candidate *candidate);
void ocl_gemm_release_tuned(struct ocl_device *device);
enum clb_status ocl_gemm_tune(struct clb_device *device, const struct clb_tuning_options *options,
                              struct clb_tuning *result);

/* ---- clb_device_products and clb_device_use_products: ocl_gemm_record.c ---- */

enum clb_status ocl_gemm_products(const struct clb_device *device, char **record);
enum clb_status ocl_gemm_use_products(struct clb_device *device, const char *record,
                                      bool *honoured);

#endif
