// A plan: one problem bound to one kernel. Written by halconv_plan_create, read by everything else.
#pragma once

#include "halconv/halconv.h"
#include "runtime/boxes.h"
#include "runtime/core/buffer.h"
#include "runtime/core/kernel_table.h"
#include "runtime/core/problem.h"
#include "runtime/device.h"
#include "runtime/packing.h"
#include "runtime/pool.h"
#include "runtime/selection.h"

namespace halconv {

// Places in a kernel's argv.
enum Argument {
    kUserContext = 0,
    kInput = 1,
    kWeights = 2,
    kBias = 3,
    kResidual = 4,
    kFirstAxisScalar = 5,
    kActivation = 23,
    kHasResidual = 24,
    kSlope = 25,
    kLow = 26,
    kHigh = 27,
    kOutput = 28,
    kScratchBytes = 29,
    kArguments = 30
};

// kernel, stride, dilation, pad_before, gcd, inverse of one axis.
constexpr int kAxisScalars = 6;

struct KernelScalars {
    int32_t axis[3][kAxisScalars];  // x y z
    int32_t activation, has_residual;
    float slope, low, high;
};

struct BoxCall {
    Tensor output;
    int64_t first_byte;  // of the output
};

// Fills argv but for the user context, the tensors and the scratch result.
void set_scalars(const KernelScalars &scalars, void **argv);

struct RunArguments {
    const void *input, *packed, *residual;
    void *output, *workspace;
};

// Calls the kernel for each box; `call` is null for the processor.
halconv_status run_boxes(const halconv_plan &plan, const RunArguments &run, DeviceCall *call);

}  // namespace halconv

struct halconv_plan {
    const halconv_kernel_set *set;
    const halconv_kernel *row;
    halconv_problem problem;
    int64_t out[3];  // in the order of problem.in
    halconv::Problem3 shape;
    halconv_key key;
    halconv::PackedShape packed;
    halconv::KernelScalars scalars;
    halconv::Tensor input, weights, bias;  // without host
    int boxes;
    halconv::BoxCall box[halconv::kMaxBoxes];
    // The workspace: the calling thread's arena, then a slice for each worker. Bytes are multiples of 64.
    uint64_t arena_bytes, slice_bytes;
    halconv::DeviceKernels device;  // its scratch_bytes are the workspace where it has a backend
    int32_t threads;
    halconv_parallel_for parallel_for;
    void *caller_pool;
    halconv::Pool *pool;
    int32_t candidates, accepted;
    halconv::Candidate *candidate;  // best first, in the plan's own memory
};
