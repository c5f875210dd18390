// Every padding word, from its framework's meaning to the output's values.
#include <optional>

#include "runtime/core/padding.h"
#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/reference.h"

namespace halconv {

namespace {

// One axis, and what the framework makes of it, worked by hand from its documentation.
struct PaddingRow {
    const char *word;
    halconv_op op;
    int64_t in, kernel, stride, dilation;
    std::optional<int64_t> output_padding, output_size;
    int64_t expected_out, expected_before;
};

constexpr std::optional<int64_t> kNone;

constexpr PaddingRow kRows[] = {
    // TensorFlow: conv out = ceil(in / stride), the odd pixel behind; ceil((in - span + 1) / stride) for VALID.
    {"SAME", HALCONV_CONV, 5, 3, 2, 1, kNone, kNone, 3, 1},
    {"SAME", HALCONV_CONV, 6, 3, 2, 1, kNone, kNone, 3, 0},
    {"SAME", HALCONV_CONV, 9, 2, 1, 3, kNone, kNone, 9, 1},
    {"SAME", HALCONV_CONV, 5, 1, 3, 1, kNone, kNone, 2, 0},
    {"VALID", HALCONV_CONV, 7, 3, 2, 1, kNone, kNone, 3, 0},
    // TensorFlow's conv_transpose is the gradient of that conv: any size that conv maps to `in`.
    {"SAME", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, kNone, 6, 0},
    {"SAME", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, 5, 5, 1},
    {"SAME", HALCONV_CONV_TRANSPOSE, 3, 4, 2, 1, kNone, kNone, 6, 1},
    {"VALID", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, kNone, 7, 0},
    {"VALID", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, 8, 8, 0},
    {"VALID", HALCONV_CONV_TRANSPOSE, 3, 2, 3, 1, kNone, kNone, 9, 0},
    // Keras' output_padding: out = (in - 1) * stride + kernel - 2 * pad + output_padding, pad = kernel / 2 for SAME.
    {"SAME", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, 0, kNone, 5, 1},
    {"VALID", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, 1, kNone, 8, 0},
    // ONNX: the odd pixel behind for UPPER and before for LOWER; conv_transpose out = in * stride.
    {"SAME_UPPER", HALCONV_CONV, 6, 3, 2, 1, kNone, kNone, 3, 0},
    {"SAME_LOWER", HALCONV_CONV, 6, 3, 2, 1, kNone, kNone, 3, 1},
    {"SAME_UPPER", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, kNone, 6, 0},
    {"SAME_LOWER", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, kNone, 6, 1},
    {"SAME_UPPER", HALCONV_CONV_TRANSPOSE, 4, 5, 2, 1, kNone, 7, 7, 2},
    {"SAME_LOWER", HALCONV_CONV_TRANSPOSE, 4, 5, 2, 1, kNone, 8, 8, 2},
    {"NOTSET", HALCONV_CONV, 4, 3, 1, 1, kNone, kNone, 2, 0},
    {"NOTSET", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, 1, kNone, 8, 0},
    {"NOTSET", HALCONV_CONV_TRANSPOSE, 3, 3, 3, 1, kNone, 10, 10, 0},
    // Theano: no padding; span - 1; floor(span / 2).
    {"valid", HALCONV_CONV, 7, 3, 1, 2, kNone, kNone, 3, 0},
    {"full", HALCONV_CONV, 5, 3, 1, 1, kNone, kNone, 7, 2},
    {"full", HALCONV_CONV, 4, 2, 2, 3, kNone, kNone, 4, 3},
    {"half", HALCONV_CONV, 7, 3, 2, 1, kNone, kNone, 4, 1},
    {"half", HALCONV_CONV, 7, 4, 1, 1, kNone, kNone, 8, 2},
    {"valid", HALCONV_CONV_TRANSPOSE, 3, 3, 2, 1, kNone, kNone, 7, 0},
    {"full", HALCONV_CONV_TRANSPOSE, 7, 3, 1, 1, kNone, kNone, 5, 2},
    {"half", HALCONV_CONV_TRANSPOSE, 4, 3, 2, 1, kNone, 8, 8, 1},
    // PyTorch's 'same': dilation * (kernel - 1) in all, the smaller half before.
    {"same", HALCONV_CONV, 5, 4, 1, 1, kNone, kNone, 5, 1},
    {"same", HALCONV_CONV, 5, 3, 1, 3, kNone, kNone, 5, 3},
};

halconv_problem problem_of(const PaddingRow &row, int rank) {
    halconv_problem p{};
    p.op = row.op, p.rank = rank, p.batch = 1, p.groups = 1, p.in_channels = 3, p.out_channels = 5;
    for (int d = 0; d < rank; d++) {
        p.in[d] = row.in, p.kernel[d] = row.kernel, p.stride[d] = row.stride, p.dilation[d] = row.dilation;
        p.output_padding[d] = row.output_padding.value_or(0);
    }
    return p;
}

}  // namespace

TEST_CASE("each padding word has its framework's meaning, end to end", "[padding]") {
    for (const PaddingRow &row : kRows) {
        for (int rank = 1; rank <= 3; rank++) {
            INFO(row.word << " in " << row.in << " kernel " << row.kernel << " stride " << row.stride << " rank "
                          << rank);
            KernelCase c;
            c.problem = problem_of(row, rank);
            c.bias = true;
            std::optional<PaddingWord> word = parse_padding_word(row.word);
            REQUIRE(word);
            int64_t size = row.output_size.value_or(0), sizes[3] = {size, size, size};
            PaddingSpec spec{*word, row.output_padding.has_value(), row.output_size ? sizes : nullptr};
            PaddingError error = resolve_padding(spec, c.problem);
            INFO((error.reason ? error.reason : "resolved"));
            REQUIRE(!error.reason);
            CHECK(c.problem.pad_before[rank - 1] == row.expected_before);
            CHECK(reference_output_size(c.problem)[2] == row.expected_out);
            CaseResult result = run_case(halconv_builtin_kernels(), nullptr, c);
            CHECK(result.accepted);
            CHECK(result.failure == "");
        }
    }
}

// Theano flips the kernel by default: y[i] = sum over t of x[i + span - 1 - t] w[t].
TEST_CASE("Theano's filter_flip is the flip of halconv_plan_pack", "[padding]") {
    KernelCase c;
    c.problem = problem_of({"valid", HALCONV_CONV, 4, 2, 1, 1, kNone, kNone, 3, 0}, 1);
    c.problem.in_channels = c.problem.out_channels = 1;
    Operands operands;
    operands.input = {1, 2, 3, 4};
    operands.weights = {10, 1};  // for a flip the caller holds {1, 10}: run_layer reverses what the loops take
    c.flip = true;
    CHECK(run_layer(halconv_builtin_kernels(), nullptr, c, operands) == std::vector<float>{12, 23, 34});
}

}  // namespace halconv
