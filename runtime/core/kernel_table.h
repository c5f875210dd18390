/* The kernel table: what `halconv build` generates and what selection, packing, tests, bench and inspect read.
 * C, because the generated table is a C source; internal, because a set is read by the runtime it was built for
 * (HALCONV_TABLE_VERSION) and by nobody else.
 *
 * Inside halconv every problem has three spatial axes, index 0 = z, 1 = y, 2 = x (x is the innermost). A problem of rank
 * 2 has a unit z axis: size, kernel, stride and dilation 1, padding 0. A problem of rank 1 also has a unit y axis. */
#ifndef HALCONV_CORE_KERNEL_TABLE_H
#define HALCONV_CORE_KERNEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HALCONV_TABLE_VERSION = 4 };

/* A field of a key that is not pinned: the kernel reads it at run time. */
#define HALCONV_FREE INT32_MIN

/* What a kernel was compiled for. A field is a value (the kernel accepts only that) or HALCONV_FREE. */
typedef struct halconv_key {
    int32_t op, dtype, in_layout, out_layout;   /* halconv_op, halconv_dtype, halconv_layout: never free */
    int32_t batch, groups, group_in, group_out; /* group_in = in_channels / groups, group_out likewise */
    int32_t in[3], out[3];                      /* spatial sizes, z y x */
    int32_t kernel[3], stride[3], dilation[3], pad_before[3];
    int32_t activation; /* HALCONV_LINEAR: a piecewise linear one; else one of the others */
    int32_t piecewise;  /* which piecewise linear one: linear, relu, clamp, leaky_relu; 0 for the others */
    int32_t residual;   /* 0, 1 or free */
} halconv_key;

/* The algorithm form: decides how weights are packed and how the output is presented to the kernel (below). */
typedef enum halconv_form {
    HALCONV_FORM_DIRECT = 0, /* conv */
    HALCONV_FORM_DEPTHWISE =
        1,                  /* conv or conv_transpose, few channels per group: lanes are output channels of all groups;
                                   more than one channel in or out per group only where the key pins both */
    HALCONV_FORM_PHASE = 2, /* conv_transpose, gather per phase */
    HALCONV_FORM_ROW_FUSED = 3, /* conv_transpose, lanes are (x phase, channel); groups 1, dilation_x 1, kernel_x a
                                   multiple of stride_x, output nhwc */
    HALCONV_FORM_WINOGRAD2 = 4, /* conv or conv_transpose; an axis x or y of 2 or 3 neighbouring taps (one at least) by
                                   F(2, taps), the others summed: runtime/core/winograd.h */
    HALCONV_FORM_WINOGRAD4 = 5, /* likewise by F(4, taps) */
    HALCONV_FORM_INNER_PRODUCT = 6, /* lanes are elements of the reduction, the x taps and channels in; groups 1, input
                                      and output nhwc, taps_adjoin(x) and no shortest run below panel: conv_shape.h */
    HALCONV_FORM_PIXEL_LANES = 7,   /* conv or conv_transpose, lanes are pixels of a row */
    HALCONV_FORM_WINOGRAD3 = 8      /* as WINOGRAD2, axes of 2 taps by F(3, 2) */
} halconv_form;

/* CPU features that a row needs; all bits must be present. */
enum {
    HALCONV_CPU_AVX2 = 1,      /* AVX2, FMA, F16C */
    HALCONV_CPU_AVX512 = 2,    /* AVX-512 F, CD, DQ, BW, VL (skylake) */
    HALCONV_CPU_NEON = 4,      /* 64-bit ARM: Advanced SIMD */
    HALCONV_CPU_ARM_DOT = 8,   /* FEAT_DotProd */
    HALCONV_CPU_ARM_FP16 = 16, /* FEAT_FP16, scalar and vector */
    HALCONV_CPU_NEON32 = 32    /* 32-bit ARM: Advanced SIMD and VFPv4 */
};

/* A kernel's C entry: Halide's argv convention. argv holds pointers to, in this order:
 *   0 user context (void *, itself passed by pointer)
 *   1 input    halide_buffer_t (i, g, x, y, z, n)            i = channel in its group, g = group; INNER_PRODUCT: i = x
 *              coordinate * channels + channel, g and x have extent 1, x's stride is channels
 *   2 weights  halide_buffer_t (lane, i, tx, ty, tz, rx, ry, rz, block), dense, aligned to 64 bytes
 *   3 bias     halide_buffer_t (lane, block), dense; INNER_PRODUCT: (lane, channel)
 *   4 residual halide_buffer_t of the output's shape; the output's own buffer where there is none
 *   5..22      int32: kernel, stride, dilation, pad_before, gcd, inverse of axis x, then of y, then of z
 *              (gcd, inverse: PhaseAxis in conv_shape.h; any value for conv)
 *   23 int32 activation   24 int32 has_residual
 *   25 float slope, 26 float low, 27 float high: v -> min(max(v < 0 ? slope * v : v, low), high), for every activation
 *   28 output  halide_buffer_t
 * and for `scratch` one more: 29, a one-dimensional int64 halide_buffer_t of extent 2 that receives the bytes of scratch
 * memory of the calling thread and those of each worker of a parallel loop. scratch reads no tensor's elements. Of a kernel
 * for a graphics processor the first is device memory: one block, which halide_device_malloc hands out, from the first launch
 * of a call to the last.
 * The result is 0, or what halconv_rt_error returned.
 *
 * Output by form, lengths without the parts of other axes:
 *   DIRECT     (c, g, x, y, z, n); PIXEL_LANES as DIRECT for conv, as PHASE for conv_transpose
 *   DEPTHWISE  as DIRECT for conv, as PHASE for conv_transpose, but c has extent 1 and g is the output channel
 *   PHASE      (c, g, qx, x, qy, y, qz, z, n): spatial coordinate o = x * stride + q, 0 <= q < stride. A kernel fills a
 *              box; where stride does not divide the output's size, the runtime splits the axis into the phases
 *              q < size mod stride, which have one x more, and the rest, and calls the kernel for each. q's minimum in
 *              the buffer is the first phase of the box, x's is 0.
 *   WINOGRAD   as DIRECT for conv, as PHASE for conv_transpose; or, in a row with one_box, one box that
 *              holds all phases, first_phase() <= q < first_phase() + stride and 0 <= x < bases(size) (PhaseAxis in
 *              conv_shape.h), of which the kernel touches only the elements that lie inside the output
 *   ROW_FUSED  (f, qy, y, qz, z, n): f = x coordinate * channels + channel, dense; y and z as PHASE.
 *   INNER_PRODUCT  as ROW_FUSED; for conv y and z have one phase
 *
 * Packed weights: w[lane, i, tx, ty, tz, rx, ry, rz, block] is the weight of input channel i of the group and of output
 *   DIRECT, PHASE, WINOGRAD, PIXEL_LANES
 *                  channel cb * panel + lane of group g, block = g * blocks + cb, blocks = ceil(group_out / panel)
 *   DEPTHWISE      channel block * panel + lane of all, blocks = ceil(groups * group_out / panel)
 *   ROW_FUSED      channel l % channels of x phase rx = l / channels, l = block * panel + lane < stride_x * channels,
 *                  blocks = ceil(stride_x * channels / panel)
 * for kernel tap t (per axis)
 *   conv           t = tx, extent of tx = kernel, extent of rx = 1
 *   conv_transpose t = PhaseAxis::tap(r, m) with m = tx, r = rx; extent of tx = max_taps, extent of rx = stride; in
 *                  ROW_FUSED the x axis has r from the lane and rx extent 1
 *   WINOGRAD       on an axis that the form transforms tx is the point p: the sum over t of G[p][t] * weight of t, for
 *                  conv_transpose with t = PhaseAxis::tap(r, max_taps - 1 - k) in the place of tap k
 * and zero where there is no such channel or tap (m >= taps(r)). Bias likewise, (lane, block).
 * INNER_PRODUCT: w[lane, channel, v, ty, tz, rx, ry, rz, 0], one block: element length - reach(v) + lane of the run of x phase
 *   rx, RunVectors in inner_product.h; an element = (tap in the order of the inputs, input channel), channel fastest; tx = v has
 *   the extent of the longest run's count(). Zero where an earlier vector holds the element. Bias: lane 0; else zero. */
typedef int (*halconv_kernel_function)(void **argv);

typedef struct halconv_kernel {
    const char *name;     /* the grammar of runtime/core/kernel_name.h */
    const char *schedule; /* the schedule's parameters as text */
    const char *origin;   /* where the schedule came from: "default", "record", "reference" */
    halconv_kernel_function run, scratch;
    halconv_key key;
    int32_t form;         /* halconv_form */
    int32_t cpu_features; /* mask of HALCONV_CPU_* */
    int32_t panel;        /* lanes of a block of packed weights */
    int32_t vector_lanes; /* f32 lanes of the target's vectors */
    int32_t tile[3]; /* pixels of a register tile, z y x. The kernel accepts an output box only if its extent on each
                              axis (of x, not of f or q) is at least min_extent */
    int32_t tile_vectors; /* vectors of lanes of a register tile */
    int32_t min_extent[3];
    int32_t one_box; /* WINOGRAD of conv_transpose: 1 where one call computes all phases (above), else 0 */
    const struct halconv_rt_backend *backend; /* how a graphics processor runs it; null: the processor does */
    int32_t capability; /* of such a kernel: the compute capability that it needs, 10 * major + minor; 0: any */
} halconv_kernel;

struct halconv_kernel_set {
    int32_t version; /* HALCONV_TABLE_VERSION */
    int32_t count;
    const halconv_kernel *kernels;
    const char *name;
};

/* What kernels call: Halide's names, renamed in the objects (halide_malloc -> halconv_rt_malloc, ..), so that halconv never
 * meets another Halide runtime in one program. Kernels with asserts, which only halconv's own tests load, also call
 * halconv_rt_error_*: tools/assert_hooks.cpp. */
struct halconv_rt_context; /* the user context: runtime/core/context.h */
void *halconv_rt_malloc(void *user_context, size_t bytes);
void halconv_rt_free(void *user_context, void *memory);
int halconv_rt_do_par_for(void *user_context, int (*task)(void *, int, uint8_t *), int min, int size, uint8_t *closure);
int halconv_rt_error(void *user_context); /* what a failed kernel returns */

/* Kernels for graphics processors: runtime/device.h. A table refers to the backend of each row, so that a program has the part
 * of the library that looks for a driver only where it has such kernels. They call, in this order,
 *   halconv_rt_cuda_initialize_kernels, halconv_rt_copy_to_device for each input, halconv_rt_device_malloc for scratch memory,
 *   halconv_rt_cuda_run for each launch, halconv_rt_device_free, halconv_rt_cuda_finalize_kernels,
 * or the same with opencl in the place of cuda. */
struct halconv_rt_backend; /* runtime/backend.h */
extern const struct halconv_rt_backend halconv_rt_cuda, halconv_rt_opencl;

#ifdef __cplusplus
}
#endif
#endif
