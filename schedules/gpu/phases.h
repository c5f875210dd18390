// The phases of a transposed convolution among a kernel's blocks.
#pragma once

#include <vector>

#include "Halide.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

// `phases` are the output's loops over phases of x, y, z, or of y, z where a thread computes those of x together; all others
// are inside them. Where each call of the kernel has all phases of an axis, they become blocks beside those of `channels` (x, y)
// or `places` (z). Where calls have different numbers of them each is a launch: Halide cannot prove that a block has a single
// phase once the index is a remainder by an unknown number, and bound_extent would then be believed wrongly.
void schedule_phases(Halide::Func output, const halconv_key &key, const std::vector<Halide::Var> &phases,
                     const Halide::Var &channels, const Halide::Var &places);

// A stage's loops over phases of x, y, z: those of the first `together` axes have all phases, the others that of the block.
void bound_phases(Halide::Func stage, const halconv_key &key, const std::vector<Halide::Var> &phases, size_t together);

}  // namespace halconv
