// A case of tests/kernel_case.h on an OpenCL device, through the C API.
#pragma once

#include "tests/kernel_case.h"
#include "tools/compute_device.h"

namespace halconv {

// The first OpenCL device; null where there is none, and a line on stdout says that the test was skipped.
std::unique_ptr<ComputeDevice> opencl_device_or_skip();

// Runs the case on `set`. All memory on the device lies between NaNs: what a kernel reads beyond its tensors spoils its sums,
// and what it writes there is seen. The output is NaN before, and must then equal the plain loops' as run_case says.
CaseResult run_case_on_device(const halconv_kernel_set *set, const KernelCase &c, const ComputeDevice &device);

}  // namespace halconv
