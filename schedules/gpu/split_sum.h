// Small grids with many input channels: the channels are cut into parts, so that each block sums one part only and there are
// enough blocks. A second launch of the same call adds the parts in their order (deterministic), and the bias, and applies
// the epilogue:
//     partial(.., p) = sum over channels of part p and taps;   output = epilogue(bias + sum over p of partial(.., p))
// The partial sums are in device memory between the launches (kernel_table.h: scratch).
#pragma once

#include "Halide.h"
#include "runtime/core/kernel_table.h"
#include "schedules/schedule.h"

namespace halconv {

struct PartialSums {
    Halide::Func stored, sum;  // (place.., part): in device memory, and what a block sums; without a schedule yet
    Halide::Var part;
    Halide::RVar channels;  // of a part
};

// `output` (place..) = epilogue(sum), and `channels` the loop over input channels of sum's update. Schedules output and sum.
PartialSums split_sum(Halide::Func output, Halide::Func sum, const Halide::RVar &channels, const halconv_key &key,
                      const Schedule &schedule);

}  // namespace halconv
