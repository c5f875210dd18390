// The cases that are drawn from a row are legal, agree with its pins, and meet the extents that its tile makes interesting.
#include <algorithm>
#include <set>

#include "runtime/core/problem.h"
#include "tests/catch.h"
#include "tests/problems.h"

namespace halconv {

namespace {

constexpr int kCases = 96;

halconv_kernel free_row(halconv_op op, halconv_form form) {
    halconv_kernel row{};
    row.key = {
        op, HALCONV_F32, HALCONV_NHWC, HALCONV_NCHW, HALCONV_FREE, HALCONV_FREE,   HALCONV_FREE, HALCONV_FREE, {},
        {}, {},          {},           {},           {},           HALCONV_LINEAR, HALCONV_FREE, HALCONV_FREE};
    for (size_t a = 0; a < 3; a++) {
        row.key.in[a] = row.key.out[a] = row.key.kernel[a] = row.key.stride[a] = HALCONV_FREE;
        row.key.dilation[a] = row.key.pad_before[a] = HALCONV_FREE;
    }
    row.form = form, row.panel = 16, row.vector_lanes = 8;
    row.tile[0] = 1, row.tile[1] = 2, row.tile[2] = 6;
    row.min_extent[0] = row.min_extent[1] = 1, row.min_extent[2] = 4;
    if (form == HALCONV_FORM_ROW_FUSED) {
        row.key.out_layout = HALCONV_NHWC;
    }
    if (form == HALCONV_FORM_INNER_PRODUCT) {
        row.key.out_layout = HALCONV_NHWC;
    }
    return row;
}

void check_legal(const halconv_kernel &row, const KernelCase &c) {
    INFO(case_text(c));
    int64_t out[3] = {};
    REQUIRE(check_problem(c.problem, out) == HALCONV_OK);
    CHECK(key_accepts(row.key, problem_key(normalise(c.problem, out), c.problem)));
    CHECK(multiplications(c.problem) < 4'000'000);
}

}  // namespace

TEST_CASE("cases of free rows are legal", "[kernels]") {
    for (halconv_kernel row :
         {free_row(HALCONV_CONV, HALCONV_FORM_DIRECT), free_row(HALCONV_CONV, HALCONV_FORM_DEPTHWISE),
          free_row(HALCONV_CONV_TRANSPOSE, HALCONV_FORM_PHASE),
          free_row(HALCONV_CONV_TRANSPOSE, HALCONV_FORM_DEPTHWISE),
          free_row(HALCONV_CONV_TRANSPOSE, HALCONV_FORM_ROW_FUSED), free_row(HALCONV_CONV, HALCONV_FORM_INNER_PRODUCT),
          free_row(HALCONV_CONV_TRANSPOSE, HALCONV_FORM_INNER_PRODUCT)}) {
        int refusable = 0;
        for (const KernelCase &c : cases_of_row(row, kCases, 7)) {
            check_legal(row, c);
            refusable += may_refuse(row, c.problem);
        }
        CHECK(refusable < kCases / 3);
    }
}

TEST_CASE("cases of pinned rows agree with the pins", "[kernels]") {
    halconv_kernel row = free_row(HALCONV_CONV_TRANSPOSE, HALCONV_FORM_PHASE);
    for (size_t a = 0; a < 3; a++) {
        bool unit = a == 0;
        row.key.in[a] = unit ? 1 : 5, row.key.out[a] = unit ? 1 : 10, row.key.kernel[a] = unit ? 1 : 4;
        row.key.stride[a] = unit ? 1 : 2, row.key.dilation[a] = 1, row.key.pad_before[a] = unit ? 0 : 1;
    }
    row.key.groups = 2, row.key.group_in = 3, row.key.group_out = 5, row.key.batch = 1;
    for (const KernelCase &c : cases_of_row(row, kCases, 8)) {
        check_legal(row, c);
    }
}

TEST_CASE("cases meet the tile, the panel and the kinds of problem", "[kernels]") {
    halconv_kernel row = free_row(HALCONV_CONV, HALCONV_FORM_DIRECT);
    std::set<int64_t> width, channels, stride, dilation, rank, groups, activations;
    bool negative = false, asymmetric = false, larger_kernel = false, in_place = false, flipped = false;
    for (const KernelCase &c : cases_of_row(row, kCases, 9)) {
        int64_t out[3] = {};
        REQUIRE(check_problem(c.problem, out) == HALCONV_OK);
        const halconv_problem &p = c.problem;
        int x = p.rank - 1;
        width.insert(out[x]), channels.insert(p.out_channels / p.groups), groups.insert(p.groups);
        stride.insert(p.stride[x]), dilation.insert(p.dilation[x]), rank.insert(p.rank);
        activations.insert(p.activation);
        negative = negative || p.pad_before[x] < 0;
        asymmetric = asymmetric || p.pad_before[x] != p.pad_after[x];
        larger_kernel = larger_kernel || p.kernel[x] > p.in[x];
        in_place = in_place || (p.residual && c.residual_in_place);
        flipped = flipped || c.flip;
    }
    auto meets = [](const std::set<int64_t> &met, const std::set<int64_t> &wanted) {
        return std::includes(met.begin(), met.end(), wanted.begin(), wanted.end());
    };
    CHECK(meets(width, {4, 5, 6, 7, 13}));
    CHECK(meets(channels, {1, 3, 9, 15, 16, 17, 35}));
    CHECK(meets(stride, {1, 2, 3, 4}));
    CHECK(meets(dilation, {1, 2, 3}));
    CHECK(meets(rank, {1, 2, 3}));
    CHECK(meets(groups, {1, 2, 3}));
    CHECK(meets(activations, {HALCONV_LINEAR, HALCONV_RELU, HALCONV_CLAMP, HALCONV_LEAKY_RELU}));
    CHECK((negative && asymmetric && larger_kernel && in_place && flipped));
}

}  // namespace halconv
