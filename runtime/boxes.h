// How a form presents a problem's input and output to its kernels (runtime/core/kernel_table.h), and in how many calls.
#pragma once

#include "runtime/core/buffer.h"
#include "runtime/core/conv_shape.h"
#include "runtime/core/problem.h"

namespace halconv {

// The part of an output that one kernel call fills, z y x. An axis that the form does not split into phases has one
// phase and its whole extent.
struct OutputBox {
    PhaseBox axis[3];
};

constexpr int kMaxBoxes = 8;

struct OutputBoxes {
    int count;
    OutputBox box[kMaxBoxes];
};

OutputBoxes output_boxes(const halconv_kernel &row, const Problem3 &p);

// Dense tensors without host. The output's host is the first element of the box, first_element() from the tensor's
// start.
Tensor input_tensor(halconv_form form, halconv_layout layout, const Problem3 &p);
Tensor output_tensor(halconv_form form, const halconv_problem &problem, const Problem3 &p, const OutputBox &box);
int64_t first_element(halconv_layout out_layout, const Problem3 &p, const OutputBox &box);

}  // namespace halconv
