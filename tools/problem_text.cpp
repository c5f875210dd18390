#include "tools/problem_text.h"

#include <fmt/format.h>

#include "runtime/core/conv_shape.h"

namespace halconv {

const Word kOpWords[] = {{"conv", HALCONV_CONV}, {"conv_transpose", HALCONV_CONV_TRANSPOSE}, {nullptr, 0}};
const Word kDtypeWords[] = {{"f32", HALCONV_F32}, {nullptr, 0}};
const Word kLayoutWords[] = {{"nhwc", HALCONV_NHWC}, {"nchw", HALCONV_NCHW}, {nullptr, 0}};
const Word kActivationWords[] = {{"linear", HALCONV_LINEAR},
                                 {"relu", HALCONV_RELU},
                                 {"clamp", HALCONV_CLAMP},
                                 {"leaky_relu", HALCONV_LEAKY_RELU},
                                 {"tanh", HALCONV_TANH},
                                 {"sigmoid", HALCONV_SIGMOID},
                                 {"silu", HALCONV_SILU},
                                 {"gelu", HALCONV_GELU},
                                 {nullptr, 0}};
const Word kNumericsWords[] = {
    {"default", HALCONV_DEFAULT}, {"strict", HALCONV_STRICT}, {"fast", HALCONV_FAST}, {nullptr, 0}};
const Word kWeightsLayoutWords[] = {{"oihw", HALCONV_WEIGHTS_OIHW},
                                    {"iohw", HALCONV_WEIGHTS_IOHW},
                                    {"hwio", HALCONV_WEIGHTS_HWIO},
                                    {"hwoi", HALCONV_WEIGHTS_HWOI},
                                    {nullptr, 0}};

std::optional<int> find_word(const Word *words, const std::string &text) {
    for (; words->text; words++) {
        if (text == words->text) {
            return words->value;
        }
    }
    return std::nullopt;
}

const char *word_of(const Word *words, int value) {
    for (; words->text; words++) {
        if (value == words->value) {
            return words->text;
        }
    }
    return "?";
}

std::string words_text(const Word *words) {
    std::string text;
    for (; words->text; words++) {
        text += text.empty() ? words->text : fmt::format(", {}", words->text);
    }
    return text;
}

namespace {

std::string axis_fault(const halconv_problem &p, int a) {
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {{"in", p.in[a]}, {"kernel", p.kernel[a]}, {"stride", p.stride[a]}, {"dilation", p.dilation[a]}};
    for (const auto &count : counts) {
        if (count.value < 1 || count.value > INT32_MAX) {
            return fmt::format("\"{}\" must lie between 1 and 2^31 - 1 on every axis, not {}", count.key, count.value);
        }
    }
    for (int64_t pad : {p.pad_before[a], p.pad_after[a]}) {
        if (pad < -INT32_MAX || pad > INT32_MAX) {
            return fmt::format("\"pad\" must lie between -(2^31 - 1) and 2^31 - 1, not {}", pad);
        }
    }
    Axis<int64_t> axis{p.kernel[a], p.stride[a], p.dilation[a], p.pad_before[a]};
    bool transposed = p.op == HALCONV_CONV_TRANSPOSE;
    if (!transposed && p.output_padding[a] != 0) {
        return fmt::format("\"output_padding\" belongs to conv_transpose; conv needs 0, not {}", p.output_padding[a]);
    }
    if (transposed && !output_padding_fits(axis, p.output_padding[a])) {
        return fmt::format("\"output_padding\" must be at least 0 and below max(stride, dilation), not {}",
                           p.output_padding[a]);
    }
    int64_t out = transposed ? conv_transpose_output_size(axis, p.in[a], p.pad_after[a], p.output_padding[a])
                             : conv_output_size(axis, p.in[a], p.pad_after[a]);
    if (out < 1) {
        return fmt::format("no output remains on axis {}: its size would be {}", a, out);
    }
    return "";
}

}  // namespace

std::string problem_fault(const halconv_problem &p) {
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {{"n", p.batch}, {"ci", p.in_channels}, {"co", p.out_channels}, {"groups", p.groups}};
    for (const auto &count : counts) {
        if (count.value < 1 || count.value > INT32_MAX) {
            return fmt::format("\"{}\" must lie between 1 and 2^31 - 1, not {}", count.key, count.value);
        }
    }
    if (p.in_channels % p.groups || p.out_channels % p.groups) {
        return fmt::format("\"groups\" {} must divide \"ci\" {} and \"co\" {}", p.groups, p.in_channels,
                           p.out_channels);
    }
    for (int a = 0; a < p.rank; a++) {
        std::string fault = axis_fault(p, a);
        if (!fault.empty()) {
            return fault;
        }
    }
    return "too large: input, weights and output must each stay below 2^31 elements, and so must coordinates";
}

}  // namespace halconv
