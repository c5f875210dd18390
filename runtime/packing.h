// Packed weights and bias: the order that runtime/core/kernel_table.h defines for each form.
#pragma once

#include <cstdint>

#include "runtime/core/buffer.h"
#include "runtime/core/kernel_table.h"
#include "runtime/core/problem.h"

namespace halconv {

// w[lane, i, tx, ty, tz, rx, ry, rz, block], lane fastest, and bias[lane, block]. In INNER_PRODUCT i is the output channel
// and tx the vector, and the bias has a block for each output channel.
struct PackedShape {
    int64_t lanes, inputs, taps[3], phases[3], blocks, bias_blocks;  // spatial axes z y x
    int64_t weights_bytes, bias_offset, bytes;  // the bias starts at bias_offset bytes; all multiples of 64
};

// Whether the form computes the problem at all, and the row's panel suits it.
bool form_accepts(const halconv_kernel &row, const Problem3 &p);

// The packed shape for a row whose form accepts the problem; false where weights or bias reach 2^31 elements.
bool packed_shape(const halconv_kernel &row, const Problem3 &p, PackedShape &shape);

// Tensors of the packed weights and bias, without host.
Tensor packed_weights_tensor(const PackedShape &shape);
Tensor packed_bias_tensor(const PackedShape &shape);

struct WeightsSource {
    const float *weights;  // dense
    halconv_weights_layout layout;
    bool flip;          // reverse every spatial axis
    const float *bias;  // null: zeros
};

void pack(const halconv_kernel &row, const Problem3 &p, const PackedShape &shape, const WeightsSource &source,
          void *packed);

}  // namespace halconv
