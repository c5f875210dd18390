// A kernel for graphics processors written by hand from runtime/core/kernel_table.h: what its host code asks the runtime for.
#pragma once

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

// Two launches, "first" and "second", over a block of scratch memory that "first" writes.
constexpr size_t kFakeScratchBytes = 400;

// What "first" and "second" are launched with: arguments are input, weights, bias, residual, output, the scratch block, and
// the kernel's extent along x.
constexpr int kFakeBlocks = 5, kFakeThreads = 96, kFakeSharedBytes = 60 * 1024;

// A row of conv_transpose by phases, or of conv, with free sizes. All rows have one device code.
halconv_kernel fake_device_row(const halconv_rt_backend *backend, halconv_op op, int32_t capability);
extern const char kFakeCode[];

}  // namespace halconv
