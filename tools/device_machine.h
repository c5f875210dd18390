// The measured limits of a graphics processor.
#pragma once

#include "tools/compute_device.h"
#include "tools/machine.h"

namespace halconv {

// The peak of all its processors together, and what they read from its cache and from its memory. Takes about a second. Throws
// WorkError.
Machine measure_device(const ComputeDevice &device);

}  // namespace halconv
