// The first OpenCL device, as the place where kernels of target opencl run: Halide's own runtime starts them.
#pragma once

#include "runtime/core/kernel_table.h"

namespace halconv {

// Whether there is an OpenCL device; where not, a line on stdout says that the test was skipped.
bool opencl_device_is_there();

// A row that runs `row`, of a kernel for opencl, on tensors in the host's memory: copies what the kernel is given to the
// device, runs it, and copies the output back. One such row may be in use at a time.
halconv_kernel on_opencl_device(const halconv_kernel &row);

}  // namespace halconv
