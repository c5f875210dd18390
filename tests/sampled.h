// Exact comparison at some points, for layers too big for the plain loops.
#pragma once

#include <string>
#include <vector>

#include "tests/kernel_case.h"

namespace halconv {

// Compares y with reference_at at the corners of the output and at `count` points drawn at random, and looks at every
// other element for a number that is not finite or not an integer. Operands hold integers. Empty where all is well.
std::string sampled_failure(const KernelCase &c, const Operands &operands, const std::vector<float> &y, int count);

}  // namespace halconv
