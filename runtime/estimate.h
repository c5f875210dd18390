// How fast a kernel should be on a problem, from its row of the table alone. Used to rank kernels against each other;
// the figure is no prediction of time (it knows neither caches nor the epilogue nor winograd's transforms).
#pragma once

#include "runtime/boxes.h"
#include "runtime/core/kernel_table.h"
#include "runtime/core/problem.h"
#include "runtime/packing.h"

namespace halconv {

// Useful multiply-adds a cycle.
double estimated_rate(const halconv_kernel &row, const Problem3 &p, const PackedShape &packed,
                      const OutputBoxes &boxes);

}  // namespace halconv
