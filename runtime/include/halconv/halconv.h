/* halconv: ahead-of-time compiled kernels for convolution and transposed convolution.
 *
 * This header is the manual of the runtime. A *kernel set* is a table of compiled kernels; `halconv build` writes
 * one into libNAME.a and declares `const halconv_kernel_set *NAME_kernels(void)` in NAME.h, and
 * halconv_builtin_kernels() is one that serves every legal problem. A *plan* binds a problem (sizes, stride,
 * padding) to the best kernel of a set for this processor. The life of a layer:
 *
 *     halconv_plan_create(NAME_kernels(), &problem, NULL, &plan);
 *     weights   = aligned_alloc(64, halconv_plan_weights_bytes(plan));     once: the packed weights
 *     workspace = aligned_alloc(64, halconv_plan_workspace_bytes(plan));   one for each thread that runs the plan
 *     halconv_plan_pack(plan, w, HALCONV_WEIGHTS_OIHW, 0, bias, weights);  once
 *     halconv_plan_run(plan, x, weights, NULL, y, workspace);              as often as you like
 *     halconv_plan_destroy(plan);
 *
 * Errors are values: whatever can fail returns a halconv_status and writes nothing else on failure. The library never
 * prints, aborts or throws. A plan is immutable: many threads may run one plan at a time, each with a workspace of its
 * own. halconv_plan_run does not allocate, lock, or read the environment.
 *
 * The one relation of all operations, per spatial dimension:   high = low * stride + tap * dilation - pad_before.
 * HALCONV_CONV reads high and writes low, HALCONV_CONV_TRANSPOSE reads low and writes high.
 */
#ifndef HALCONV_HALCONV_H
#define HALCONV_HALCONV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define HALCONV_API
#else
#define HALCONV_API __attribute__((visibility("default")))
#endif

/* What a call returned. Values are stable. */
typedef enum halconv_status {
    HALCONV_OK = 0,
    HALCONV_NULL_ARGUMENT = 1,   /* a pointer that must not be null is null */
    HALCONV_INVALID_PROBLEM = 2, /* a field of the problem is out of its range, or no output remains */
    HALCONV_TOO_LARGE = 3,       /* a size or a product of sizes exceeds what the kernels index (2^31 - 1 elements) */
    HALCONV_INVALID_OPTIONS = 4, /* a field of the options, or the weights layout, is out of its range */
    HALCONV_NO_KERNEL = 5,       /* no kernel of the set accepts this problem on this processor */
    HALCONV_OUT_OF_MEMORY = 6,   /* halconv_plan_create could not allocate or start a thread */
    HALCONV_MISALIGNED = 7,      /* packed weights or workspace not aligned to 64 bytes, or a tensor not to 4 */
    HALCONV_INVALID_SET = 8,     /* the kernel set was built for another version of the runtime */
    HALCONV_KERNEL_FAILED = 9    /* a kernel reported an error: a defect of halconv */
} halconv_status;

typedef enum halconv_op { HALCONV_CONV = 0, HALCONV_CONV_TRANSPOSE = 1 } halconv_op;

/* Element type of input, weights and output. */
typedef enum halconv_dtype { HALCONV_F32 = 0 } halconv_dtype;

/* Order of a tensor's axes, slowest first; c is the channel. Spatial axes as many as the rank says: nwc, nhwc, ndhwc. */
typedef enum halconv_layout { HALCONV_NHWC = 0, HALCONV_NCHW = 1 } halconv_layout;

/* Order of the weights' axes, slowest first; hw stands for any number of spatial axes.
 * conv:           o = out_channels, i = in_channels / groups.
 * conv_transpose: i = in_channels, o = out_channels / groups.
 * PyTorch and ONNX: OIHW for conv, IOHW for conv_transpose. TensorFlow: HWIO for conv2d, HWOI for conv2d_transpose. */
typedef enum halconv_weights_layout {
    HALCONV_WEIGHTS_OIHW = 0,
    HALCONV_WEIGHTS_IOHW = 1,
    HALCONV_WEIGHTS_HWIO = 2,
    HALCONV_WEIGHTS_HWOI = 3
} halconv_weights_layout;

/* y = activation(conv(x) + bias + residual). alpha and beta as the comment says; unused ones are ignored. */
typedef enum halconv_activation {
    HALCONV_LINEAR = 0,     /* v */
    HALCONV_RELU = 1,       /* max(v, 0) */
    HALCONV_CLAMP = 2,      /* min(max(v, alpha), beta); relu6 is alpha 0, beta 6 */
    HALCONV_LEAKY_RELU = 3, /* v < 0 ? alpha * v : v */
    HALCONV_TANH = 4,
    HALCONV_SIGMOID = 5, /* 1 / (1 + exp(-v)) */
    HALCONV_SILU = 6,    /* v * sigmoid(v) */
    HALCONV_GELU = 7     /* v * (1 + erf(v / sqrt(2))) / 2 */
} halconv_activation;

/* One convolution. Spatial arrays hold the first `rank` axes, slowest first (rank 2: height, width).
 * Legal: rank 1 to 3; batch, channels, groups, in, kernel, stride, dilation at least 1; groups divides both channel
 * counts; pad_before and pad_after any sign (negative crops); 0 <= output_padding < max(stride, dilation) and 0 for conv;
 * every output size at least 1; every tensor below 2^31 elements; every coordinate of the relation, padding and 64 low
 * positions more included, below 2^31. */
typedef struct halconv_problem {
    halconv_op op;
    halconv_dtype dtype;
    halconv_layout in_layout, out_layout;
    int32_t rank;
    int64_t batch, in_channels, out_channels, groups;
    int64_t in[3], kernel[3], stride[3], dilation[3], pad_before[3], pad_after[3], output_padding[3];
    halconv_activation activation;
    float alpha, beta;
    int32_t residual; /* nonzero: a tensor of the output's shape and layout is added before the activation */
} halconv_problem;

/* How exact the arithmetic must be. Forms that change the algebra (winograd) are used from DEFAULT on. */
typedef enum halconv_numerics {
    HALCONV_DEFAULT = 0, /* an error of the direct f32 sum's size: at most 1.3 times its rms (F(2, r), F(3, 2)) */
    HALCONV_STRICT = 1,  /* products and sums of the definition only, in any order */
    HALCONV_FAST = 2     /* about 5 times the direct sum's rms error allowed */
} halconv_numerics;

/* Runs task(argument, i) for each i of [0, count), in any order and on any threads, and returns when all are done.
 * `worker` of each call lies in [0, threads) and no two calls with one worker overlap in time. */
typedef void (*halconv_task)(void *argument, int32_t worker, int32_t i);
typedef void (*halconv_parallel_for)(void *pool, int32_t count, halconv_task task, void *argument);

/* All zero is the default: one thread, default numerics, any kernel. */
typedef struct halconv_options {
    int32_t threads; /* 0 and 1: the calling thread; more: a pool that the plan owns */
    halconv_parallel_for
        parallel_for; /* not null: the caller's pool of `threads` workers, used instead of an own one */
    void *pool;       /* first argument of parallel_for */
    halconv_numerics numerics;
    const char *kernel; /* not null: only kernels whose name contains this text, or matches it where it holds * or ? */
} halconv_options;

typedef struct halconv_kernel_set halconv_kernel_set;
typedef struct halconv_plan halconv_plan;

/* The kernels that come with the library: every legal problem on every processor of its architecture. */
HALCONV_API const halconv_kernel_set *halconv_builtin_kernels(void);

/* Picks the best kernel of `set` for `problem` on this processor. `options` may be null. On HALCONV_OK *plan is the
 * caller's to destroy; else *plan is null. The set must outlive the plan; problem and options are copied. */
HALCONV_API halconv_status halconv_plan_create(const halconv_kernel_set *set, const halconv_problem *problem,
                                               const halconv_options *options, halconv_plan **plan);

/* Writes the output's `rank` spatial sizes, in the order of problem.in. */
HALCONV_API halconv_status halconv_plan_output_size(const halconv_plan *plan, int64_t *out);

/* Size of the buffer that halconv_plan_pack fills: weights in this kernel's order, and the bias. 0 for a null plan. */
HALCONV_API size_t halconv_plan_weights_bytes(const halconv_plan *plan);

/* Size of the scratch memory that one halconv_plan_run needs. 0 means that workspace may be null. 0 for a null plan. */
HALCONV_API size_t halconv_plan_workspace_bytes(const halconv_plan *plan);

/* Reorders `weights` (dense, axes as `layout` says) and `bias` (out_channels floats; null for none) into `packed`, which
 * has halconv_plan_weights_bytes bytes aligned to 64. `flip` nonzero reverses every spatial axis of the weights (Theano's
 * filter_flip). Sources are only read. Safe from many threads on distinct `packed`. */
HALCONV_API halconv_status halconv_plan_pack(const halconv_plan *plan, const void *weights,
                                             halconv_weights_layout layout, int32_t flip, const float *bias,
                                             void *packed);

/* Runs the layer: output = activation(op(input, packed) + residual). Tensors are dense in the problem's layouts.
 * `residual` has the output's shape and is read only if problem.residual is set; it may be `output` itself. `output`
 * overlaps no other argument.
 * `workspace` has halconv_plan_workspace_bytes bytes aligned to 64 and belongs to this call while it runs. */
HALCONV_API halconv_status halconv_plan_run(const halconv_plan *plan, const void *input, const void *packed,
                                            const void *residual, void *output, void *workspace);

/* Writes text like snprintf: at most `size` bytes with the closing zero; returns the length that the whole text has.
 * First line: the kernel's name. Second: why it was chosen. Then a line for each other candidate, "NAME: reason": the
 * kernels of the set for the problem's operation, element type and layouts, those that accept the problem first. */
HALCONV_API size_t halconv_plan_describe(const halconv_plan *plan, char *text, size_t size);

/* Ends the plan and its threads. Null is allowed. The plan must not be running. */
HALCONV_API void halconv_plan_destroy(halconv_plan *plan);

/* A short English text for a status; never null. */
HALCONV_API const char *halconv_status_text(halconv_status status);

#ifdef __cplusplus
}
#endif
#endif
