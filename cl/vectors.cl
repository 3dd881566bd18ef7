/* SPDX-License-Identifier: Apache-2.0 */
/* Prelude of every source: vectors of W floats, and the two ways in which kernels share out work.
 *
 *   a row [columns] by the GROUP work-items of one work-group (ROW_KERNEL, FOR_COLUMNS):
 *
 *     | item 0 | item 1 | ... | item GROUP-1 | item 0 | item 1 | ...        each takes W columns,
 *     '------------- GROUP * W -------------'                               neighbours side by side
 *
 *     Each adds up its own; group_sum then adds the GROUP sums as a tree in local memory. With
 *     GROUP = 1 a work-item has the row to itself, and there is neither local memory nor barrier.
 *
 *   a whole buffer [count] by work-items of FLAT elements (FOR_ELEMENTS):
 *
 *     |  FLAT of item 0  |  FLAT of item 1  |  ...  |                        each W at a time
 *
 * W: 4, 8 or 16. GROUP: a power of two, 1 for CPUs. FLAT: a multiple of W. They are columns of the
 * table in src/compute/opencl/ocl_tuning.c, by class of device, and come as -D options, as do:
 * CLB_BLOCK (elements of the parameter arena that are of one tensor), MAX_SEQLEN (by which
 * attention counts its dropout), and the values of enum clb_activation.
 *
 * The order of every sum is a function of the shape of tensors and of these alone: lanes first down
 * the row, then among themselves by halves, then work-items by halves. The same device gives the
 * same bits twice. Columns need not be a multiple of W: the last vector is loaded and stored in
 * part. */
#if !defined(W) || !defined(GROUP) || !defined(FLAT) || !defined(CLB_BLOCK)
#error "compile with the options of ocl_shape_options"
#endif
#if W != 4 && W != 8 && W != 16
#error "W is 4, 8 or 16"
#endif
#if GROUP & (GROUP - 1) || FLAT % W
#error "GROUP is a power of two, FLAT a multiple of W"
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, W) vec;
typedef JOIN(int, W) ivec;
typedef JOIN(uint, W) uvec;
#define LOAD JOIN(vload, W)
#define STORE JOIN(vstore, W)

#if W == 16
#define LANES ((ivec)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#elif W == 8
#define LANES ((ivec)(0, 1, 2, 3, 4, 5, 6, 7))
#else
#define LANES ((ivec)(0, 1, 2, 3))
#endif

/* On GPUs whole vectors that lie so are read and written at once, as vload and vstore, which take any
 * address of a float, are not. */
#define LIES_WHOLE(p, bytes) (((uint)(size_t)(p) & ((bytes)-1)) == 0)

/* W numbers from p, of which the first n exist; the rest are `missing`. (On GPUs an array of lanes
 * would lie in memory.) An n that may be below 0 is a difference of longs: Mesa 22.3 takes a negative
 * int that becomes a long for a large number. */
static inline vec load_or(const global float *p, long n, float missing)
{
#if W == 4
    if (n >= W) return LIES_WHOLE(p, 16) ? *(const global vec *)p : LOAD(0, p);
    return (vec)(n > 0 ? p[0] : missing, n > 1 ? p[1] : missing, n > 2 ? p[2] : missing, missing);
#else
    if (n >= W) return LOAD(0, p);
    float lanes[W];
    for (int i = 0; i < W; i++) lanes[i] = i < n ? p[i] : missing;
    return LOAD(0, lanes);
#endif
}

static inline vec load_part(const global float *p, long n)
{
    return load_or(p, n, 0.0f);
}

static inline void store_part(vec x, global float *p, long n)
{
#if W == 4
    if (n >= W && LIES_WHOLE(p, 16)) {
        *(global vec *)p = x;
        return;
    }
    if (n > 0) p[0] = x.x;
    if (n > 1) p[1] = x.y;
    if (n > 2) p[2] = x.z;
    if (n > 3) p[3] = x.w;
#else
    if (n >= W) {
        STORE(x, 0, p);
        return;
    }
    float lanes[W];
    STORE(x, 0, lanes);
    for (int i = 0; i < n; i++) p[i] = lanes[i];
#endif
}

/* x with its lanes from n on set to `missing`. */
static inline vec keep_lanes(vec x, long n, float missing)
{
    return n >= W ? x : select((vec)(missing), x, LANES < (int)n);
}

static inline float sum4(float4 x)
{
    float2 pair = x.lo + x.hi;
    return pair.x + pair.y;
}

static inline float max4(float4 x)
{
    float2 pair = fmax(x.lo, x.hi);
    return fmax(pair.x, pair.y);
}

#if W == 16
static inline float sum_lanes(vec x)
{
    float8 eight = x.lo + x.hi;
    return sum4(eight.lo + eight.hi);
}

static inline float max_lanes(vec x)
{
    float8 eight = fmax(x.lo, x.hi);
    return max4(fmax(eight.lo, eight.hi));
}
#elif W == 8
#define sum_lanes(x) sum4((x).lo + (x).hi)
#define max_lanes(x) max4(fmax((x).lo, (x).hi))
#else
#define sum_lanes sum4
#define max_lanes max4
#endif

/* Of every helper that is given local memory. PoCL 3.1 gives each of its threads a copy of a
 * kernel's local arrays only where the kernel names them itself: should the compiler see that a
 * helper always gets the same array and name it there, all threads would share that one. */
#define INLINE static inline __attribute__((always_inline))

/* ---- tiles in local memory, and in registers ---- */

/* A loop over an array that is to lie in registers is unrolled whole. */
#define PRAGMA(x) _Pragma(#x)
#define UNROLL PRAGMA(unroll)
#define UNROLL_BY(n) PRAGMA(unroll n)
/* Four floats of local memory, aligned to 16 bytes. */
#define LOCAL4(p) (*(local float4 *)(p))
#define CONST_LOCAL4(p) (*(const local float4 *)(p))

/* ---- a row shared by GROUP work-items ---- */

#define ROW_KERNEL kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
/* Columns of a row that this work-item takes, W at a time. */
#define FOR_COLUMNS(c, columns) \
    for (long c = (long)get_local_id(0) * W; c < (columns); c += (long)GROUP * W)

/* SHARED(name) declares the local memory that group_sum and group_max work in, SHARED_PAIRS(name)
 * that of group_sums, two sums at once. */
#if GROUP == 1
#define SHARED(name)
#define SHARED_PAIRS(name)
#define group_sum(x, shared) (x)
#define group_sums(x, shared) (x)
#define group_max(x, shared) (x)
#else
#define SHARED(name) local float name[GROUP]
#define SHARED_PAIRS(name) local float2 name[GROUP]
#define group_sum(x, shared) group_sum_of(x, shared)
#define group_sums(x, shared) group_sums_of(x, shared)
#define group_max(x, shared) group_max_of(x, shared)

/* The second barrier lets `shared` be used again at once. */
#define GROUP_SUM(name, type)                                            \
    INLINE type name(type x, local type *shared)                         \
    {                                                                    \
        const int lane = (int)get_local_id(0);                           \
        shared[lane] = x;                                                \
        barrier(CLK_LOCAL_MEM_FENCE);                                    \
        for (int step = GROUP / 2; step > 0; step /= 2) {                \
            if (lane < step) shared[lane] += shared[lane + step];        \
            barrier(CLK_LOCAL_MEM_FENCE);                                \
        }                                                                \
        const type sum = shared[0];                                      \
        barrier(CLK_LOCAL_MEM_FENCE);                                    \
        return sum;                                                      \
    }
GROUP_SUM(group_sum_of, float)
GROUP_SUM(group_sums_of, float2)

INLINE float group_max_of(float x, local float *shared)
{
    const int lane = (int)get_local_id(0);
    shared[lane] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int step = GROUP / 2; step > 0; step /= 2) {
        if (lane < step) shared[lane] = fmax(shared[lane], shared[lane + step]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float largest = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return largest;
}
#endif

/* ---- a whole buffer: FLAT elements a work-item, W at a time ---- */

/* Its end is e_end: a call of get_global_id for every step costs 2 % of a training step on Intel's
 * runtime for CPUs. */
#define FOR_ELEMENTS(e, count)                                                               \
    for (long e = (long)get_global_id(0) * FLAT, e##_end = min(e + (long)FLAT, (long)(count)); \
         e < e##_end; e += W)
