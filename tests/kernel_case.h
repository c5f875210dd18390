// One case through the C API, between guard pages, against the plain loops.
#pragma once

#include <string>
#include <vector>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"
#include "tests/problems.h"

namespace halconv {

// What the caller of a layer has. Values are small integers; for a transcendental activation the weights are multiples
// of 1/32, so that sums are still exact and the function is met where it bends.
struct Operands {
    std::vector<float> input, weights, bias, residual;  // weights as reference_run takes them; bias empty for none
};
Operands make_operands(const KernelCase &c);

// Empty, or what is wrong with the output: it must equal the plain loops' exactly, or within a few units in the last place of
// f32 for a transcendental activation. NaN is wrong.
std::string compare_output(const halconv_problem &problem, const float *y, const std::vector<double> &expected);

// Plan, pack and run of one problem.
struct CaseResult {
    bool accepted = false;  // false: no kernel of the set takes the problem
    std::string failure;    // empty: as it should be
};

// Runs the case on `set` twice, with every buffer (input, weights, bias, packed weights, residual, output, workspace)
// between guard pages: once with the buffers' starts and once with their ends at the page. Tensors at the ends are
// aligned to 4 bytes only. What is read only is in read-only memory; what is written is NaN before. The output must
// equal the plain loops' exactly, or within a few units in the last place of f32 for a transcendental activation.
CaseResult run_case(const halconv_kernel_set *set, const halconv_options *options, const KernelCase &c);

// Plan, pack and run once, for tests of what the output means. Throws std::runtime_error with the status' text if a call
// does not return HALCONV_OK.
std::vector<float> run_layer(const halconv_kernel_set *set, const halconv_options *options, const KernelCase &c,
                             const Operands &operands);

// Runs `cases` on this row alone. A refusal that the row's least extents do not explain is a failure.
struct RowReport {
    int accepted = 0;
    std::vector<std::string> failures;  // "case: what is wrong", the first few
};
RowReport check_row(const halconv_kernel &row, const std::vector<KernelCase> &cases);

// A set of one row. Pointers into it are valid as long as it and the row live.
halconv_kernel_set set_of_row(const halconv_kernel &row);

}  // namespace halconv
