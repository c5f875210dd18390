// Every padding word against its framework's own definition, found by trying or by the framework's own formulas.
#include "runtime/core/padding.h"

#include <algorithm>
#include <functional>
#include <string>

#include "tests/catch.h"

using namespace halconv;

namespace {

struct Case {
    int64_t in, kernel, stride, dilation;
    int64_t span() const { return (kernel - 1) * dilation + 1; }
    PaddingRequest request(PaddingWord word) const {
        return {word, {kernel, stride, dilation, 0}, 0, in, std::nullopt, std::nullopt};
    }
    PaddingRequest with_size(PaddingWord word, int64_t output_size) const {
        PaddingRequest made = request(word);
        made.output_size = output_size;
        return made;
    }
    PaddingRequest with_output_padding(PaddingWord word, int64_t output_padding) const {
        PaddingRequest made = request(word);
        made.output_padding = output_padding;
        return made;
    }
};

void for_each_case(const std::function<void(const Case &)> &body) {
    for (int64_t in = 1; in <= 11; ++in)
        for (int64_t kernel = 1; kernel <= 6; ++kernel)
            for (int64_t stride = 1; stride <= 5; ++stride)
                for (int64_t dilation = 1; dilation <= 3; ++dilation) {
                    CAPTURE(in, kernel, stride, dilation);
                    body({in, kernel, stride, dilation});
                }
}

// Windows of `span` that fit on a grid of `size`, `stride` apart.
int64_t count_windows(int64_t size, int64_t span, int64_t stride) {
    int64_t windows = 0;
    for (int64_t start = 0; start + span <= size; start += stride) {
        ++windows;
    }
    return windows;
}

int64_t ceil_by_trying(int64_t a, int64_t b) {
    int64_t q = 0;
    while (q * b < a) {
        ++q;
    }
    return q;
}

// The total of SAME: the least padding of a grid of `size` that has ceil(size / stride) windows.
int64_t same_total_by_trying(const Case &c, int64_t size) {
    int64_t total = 0;
    while (count_windows(size + total, c.span(), c.stride) != ceil_by_trying(size, c.stride)) {
        ++total;
    }
    return total;
}

int64_t transposed_size(const Case &c, const AxisPadding &padding) {
    return (c.in - 1) * c.stride + c.span() - padding.pad_before - padding.pad_after + padding.output_padding;
}

void require_padding(const PaddingResult &result, int64_t before, int64_t after, int64_t output_padding) {
    CAPTURE(result.error);
    REQUIRE(result.error == nullptr);
    REQUIRE(result.padding.pad_before == before);
    REQUIRE(result.padding.pad_after == after);
    REQUIRE(result.padding.output_padding == output_padding);
}

void require_error(const PaddingResult &result, const std::string &part) {
    REQUIRE(result.error != nullptr);
    CAPTURE(result.error, part);
    REQUIRE(std::string(result.error).find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("conv: SAME of TensorFlow and ONNX") {
    for_each_case([](const Case &c) {
        int64_t total = same_total_by_trying(c, c.in), less = total / 2;
        require_padding(conv_padding(c.request(PaddingWord::kTensorflowSame)), less, total - less, 0);
        require_padding(conv_padding(c.request(PaddingWord::kOnnxSameUpper)), less, total - less, 0);
        require_padding(conv_padding(c.request(PaddingWord::kOnnxSameLower)), total - less, less, 0);
    });
}

TEST_CASE("conv: words without padding need a kernel that fits") {
    for_each_case([](const Case &c) {
        for (PaddingWord word : {PaddingWord::kTensorflowValid, PaddingWord::kOnnxValid, PaddingWord::kValid,
                                 PaddingWord::kExplicit, PaddingWord::kOnnxNotset}) {
            if (c.span() <= c.in) {
                require_padding(conv_padding(c.request(word)), 0, 0, 0);
            } else {
                require_error(conv_padding(c.request(word)), "no output remains");
            }
        }
    });
}

TEST_CASE("conv: Theano's full reaches every overlap, half keeps the size of an odd kernel") {
    for_each_case([](const Case &c) {
        PaddingResult full = conv_padding(c.request(PaddingWord::kFull));
        int64_t reach = 0;  // padding of one side while the outermost window still overlaps the input
        while (reach + 1 < c.span()) {
            ++reach;
        }
        require_padding(full, reach, reach, 0);
        PaddingResult half = conv_padding(c.request(PaddingWord::kHalf));
        REQUIRE(half.error == nullptr);
        REQUIRE(half.padding.pad_before == half.padding.pad_after);
        if (c.stride == 1) {
            int64_t even = c.span() % 2 == 0;
            REQUIRE(count_windows(c.in + 2 * half.padding.pad_before, c.span(), 1) == c.in + even);
        }
    });
}

TEST_CASE("conv: PyTorch's same keeps the size, the odd one at the end") {
    for_each_case([](const Case &c) {
        PaddingResult same = conv_padding(c.request(PaddingWord::kTorchSame));
        if (c.stride > 1) {
            require_error(same, "needs stride 1");
            return;
        }
        // torch/nn/modules/conv.py: total = d * (k - 1), left = total // 2, right = total - left
        int64_t total = c.dilation * (c.kernel - 1);
        require_padding(same, total / 2, total - total / 2, 0);
    });
}

TEST_CASE("explicit padding passes through") {
    for_each_case([](const Case &c) {
        for (PaddingWord word : {PaddingWord::kExplicit, PaddingWord::kOnnxNotset}) {
            PaddingRequest request = c.request(word);
            request.axis.pad_before = -1;
            request.pad_after = c.span() + 3;
            require_padding(conv_padding(request), -1, c.span() + 3, 0);
            request.pad_after = 1;
            request.output_padding = c.stride - 1;
            require_padding(conv_transpose_padding(request), -1, 1, c.stride - 1);
        }
    });
}

TEST_CASE("conv_transpose: TensorFlow accepts the sizes that its conv maps to the input, padded as that conv") {
    for_each_case([](const Case &c) {
        for (int64_t out = 1; out <= c.in * c.stride + c.span() + 3; ++out) {
            PaddingResult same = conv_transpose_padding(c.with_size(PaddingWord::kTensorflowSame, out));
            if (ceil_by_trying(out, c.stride) == c.in) {
                int64_t total = same_total_by_trying(c, out);
                REQUIRE(same.error == nullptr);
                REQUIRE(same.padding.pad_before == total / 2);
                REQUIRE(same.padding.pad_after == total - total / 2);
                REQUIRE(transposed_size(c, same.padding) == out);
            } else {
                require_error(same, "TensorFlow");
            }
            PaddingResult valid = conv_transpose_padding(c.with_size(PaddingWord::kTensorflowValid, out));
            if (count_windows(out, c.span(), c.stride) == c.in) {
                require_padding(valid, 0, 0, out - (c.in - 1) * c.stride - c.span());
            } else {
                require_error(valid, "TensorFlow");
            }
        }
    });
}

TEST_CASE("conv_transpose: Keras without output_padding") {
    for_each_case([](const Case &c) {
        // keras/src/backend/common/backend_utils.py: what Keras hands to JAX, as a crop of the full output
        int64_t pad_length = c.stride + c.span() - 2;
        int64_t left = std::min(pad_length / 2 + pad_length % 2, c.span() - 1), right = pad_length - left;
        PaddingResult same = conv_transpose_padding(c.request(PaddingWord::kTensorflowSame));
        REQUIRE(same.error == nullptr);
        REQUIRE(same.padding.pad_before == c.span() - 1 - left);
        REQUIRE(same.padding.pad_after - same.padding.output_padding == c.span() - 1 - right);
        REQUIRE(transposed_size(c, same.padding) == c.in * c.stride);

        PaddingResult valid = conv_transpose_padding(c.request(PaddingWord::kTensorflowValid));
        require_padding(valid, 0, 0, std::max<int64_t>(c.stride - c.span(), 0));
    });
}

TEST_CASE("conv_transpose: Keras with output_padding") {
    for_each_case([](const Case &c) {
        for (int64_t output_padding = 0; output_padding < c.stride; ++output_padding) {
            PaddingResult valid =
                conv_transpose_padding(c.with_output_padding(PaddingWord::kTensorflowValid, output_padding));
            require_padding(valid, 0, 0, output_padding);

            // The same source as above; TensorFlow refuses what its conv does not map back.
            int64_t out = (c.in - 1) * c.stride + c.span() % 2 + output_padding;
            PaddingResult same =
                conv_transpose_padding(c.with_output_padding(PaddingWord::kTensorflowSame, output_padding));
            if (ceil_by_trying(out, c.stride) != c.in) {
                require_error(same, "TensorFlow");
                continue;
            }
            int64_t pad_length = c.span() + c.span() % 2 - 2 + output_padding;
            int64_t left = std::min(pad_length / 2 + pad_length % 2, c.span() - 1), right = pad_length - left;
            REQUIRE(same.error == nullptr);
            REQUIRE(same.padding.pad_before == c.span() - 1 - left);
            REQUIRE(same.padding.pad_after - same.padding.output_padding == c.span() - 1 - right);
            REQUIRE(transposed_size(c, same.padding) == out);
        }
        if (c.stride < c.dilation) {
            require_error(conv_transpose_padding(c.with_output_padding(PaddingWord::kTensorflowSame, c.stride)),
                          "Keras needs output_padding < stride");
        }
    });
}

TEST_CASE("conv_transpose: ONNX output_shape") {
    for_each_case([](const Case &c) {
        int64_t most = std::max(c.stride, c.dilation);
        for (int64_t out = 1; out <= c.in * c.stride + c.span() + 3; ++out) {
            for (int64_t output_padding = 0; output_padding < most; ++output_padding) {
                for (PaddingWord word : {PaddingWord::kOnnxSameUpper, PaddingWord::kOnnxSameLower,
                                         PaddingWord::kOnnxNotset, PaddingWord::kOnnxValid}) {
                    PaddingRequest request = c.with_size(word, out);
                    request.output_padding = output_padding;
                    request.axis.pad_before = request.pad_after = 7;  // "pads values are ignored"
                    AxisPadding padding = conv_transpose_padding(request).padding;
                    // The operator's text, for a total of at least 0.
                    int64_t total = c.stride * (c.in - 1) + output_padding + ((c.kernel - 1) * c.dilation + 1) - out;
                    bool upper = word == PaddingWord::kOnnxSameUpper;
                    int64_t start = total <= 0 ? 0 : upper ? total / 2 : total - total / 2;
                    if (padding.pad_before != start || transposed_size(c, padding) != out) {
                        CAPTURE(out, output_padding, int(word));
                        REQUIRE(padding.pad_before == start);
                        REQUIRE(transposed_size(c, padding) == out);
                    }
                }
            }
        }
    });
}

TEST_CASE("conv_transpose: ONNX auto_pad") {
    for_each_case([](const Case &c) {
        // ONNX's shape inference: total_pad = max(span - stride, 0)
        int64_t total = std::max<int64_t>(c.span() - c.stride, 0), small = total / 2, big = total - small;
        require_padding(conv_transpose_padding(c.request(PaddingWord::kOnnxSameUpper)), small, big, 0);
        require_padding(conv_transpose_padding(c.request(PaddingWord::kOnnxSameLower)), big, small, 0);
        require_padding(conv_transpose_padding(c.request(PaddingWord::kOnnxValid)), 0, 0, 0);
        require_padding(conv_transpose_padding(c.request(PaddingWord::kOnnxNotset)), 0, 0, 0);
        if (c.stride > 1) {
            AxisPadding padding = conv_transpose_padding(c.with_output_padding(PaddingWord::kOnnxSameUpper, 1)).padding;
            REQUIRE(padding.output_padding == 1);
            // "output_padding participates in the computation of the needed padding amount"
            REQUIRE(transposed_size(c, padding) == std::min(c.in * c.stride, (c.in - 1) * c.stride + c.span() + 1));
        }
    });
}

TEST_CASE("conv_transpose: the ONNX node tests") {
    // convtranspose_output_shape: x 3x3, kernel 3x3, strides 3x2, output_shape 10x8: the last row and column are empty
    require_padding(conv_transpose_padding(Case{3, 3, 3, 1}.with_size(PaddingWord::kOnnxNotset, 10)), 0, -1, 0);
    require_padding(conv_transpose_padding(Case{3, 3, 2, 1}.with_size(PaddingWord::kOnnxNotset, 8)), 0, -1, 0);
    // convtranspose_autopad_same: x 3x3, kernel 3x3, strides 2x2, SAME_UPPER: y 6x6
    require_padding(conv_transpose_padding(Case{3, 3, 2, 1}.request(PaddingWord::kOnnxSameUpper)), 0, 1, 0);
}

TEST_CASE("conv_transpose: Theano's border modes are those of the conv it is the gradient of") {
    for_each_case([](const Case &c) {
        int64_t most = std::max(c.stride, c.dilation);
        for (PaddingWord word : {PaddingWord::kValid, PaddingWord::kHalf, PaddingWord::kFull}) {
            int64_t pad = word == PaddingWord::kValid ? 0 : word == PaddingWord::kHalf ? c.span() / 2 : c.span() - 1;
            int64_t smallest = (c.in - 1) * c.stride + c.span() - 2 * pad;
            PaddingResult without = conv_transpose_padding(c.request(word));
            if (smallest < 1) {
                require_error(without, "crops all of it");
            } else {
                require_padding(without, pad, pad, 0);
            }
            for (int64_t out = 1; out <= c.in * c.stride + c.span() + 3; ++out) {
                PaddingResult result = conv_transpose_padding(c.with_size(word, out));
                if (out >= smallest && out < smallest + most) {
                    require_padding(result, pad, pad, out - smallest);
                } else {
                    require_error(result, "output_shape is not among");
                }
                if (count_windows(out + 2 * pad, c.span(), c.stride) == c.in) {
                    REQUIRE(result.error == nullptr);
                }
            }
        }
    });
}

TEST_CASE("requests that no layer can have") {
    const Case c{5, 3, 2, 1};
    const PaddingWord any = PaddingWord::kExplicit;
    require_error(conv_padding(c.with_size(any, 3)), "belong to conv_transpose");
    require_error(conv_padding(c.with_output_padding(any, 1)), "belong to conv_transpose");
    REQUIRE(conv_padding(c.with_output_padding(any, 0)).error == nullptr);
    for (PaddingWord word : {any, PaddingWord::kOnnxSameUpper, PaddingWord::kOnnxValid, PaddingWord::kTensorflowSame,
                             PaddingWord::kHalf}) {
        require_error(conv_transpose_padding(c.with_output_padding(word, 2)), "below max(stride, dilation)");
        require_error(conv_transpose_padding(c.with_output_padding(word, -1)), "at least 0");
        require_error(conv_transpose_padding(c.with_size(word, 0)), "below 1");
        require_error(conv_transpose_padding(c.with_size(word, INT64_MAX)), "above 2^31 - 1");
    }
    for (PaddingWord word : {any, PaddingWord::kTensorflowSame, PaddingWord::kTensorflowValid, PaddingWord::kFull}) {
        PaddingRequest both = c.with_size(word, 10);
        both.output_padding = 1;
        require_error(conv_transpose_padding(both), "exclude each other");
    }
    require_error(conv_transpose_padding(c.request(PaddingWord::kTorchSame)), "is for conv");
    require_error(conv_transpose_padding(c.with_size(any, 10)), "output_shape is not among");
    require_error(conv_transpose_padding(c.with_size(any, 13)), "output_shape is not among");

    for (int64_t bad : {int64_t(0), int64_t(-1), INT64_MIN, int64_t(INT32_MAX) + 1, INT64_MAX}) {
        for (Case wrong : {Case{bad, 3, 2, 1}, Case{5, bad, 2, 1}, Case{5, 3, bad, 1}, Case{5, 3, 2, bad}}) {
            require_error(conv_padding(wrong.request(PaddingWord::kTensorflowSame)), "below 1 or above");
            require_error(conv_transpose_padding(wrong.request(PaddingWord::kTensorflowSame)), "below 1 or above");
        }
    }
    for (int64_t bad : {int64_t(INT32_MIN), int64_t(INT32_MAX) + 1, INT64_MIN, INT64_MAX}) {
        PaddingRequest before = c.request(any), after = before;
        before.axis.pad_before = after.pad_after = bad;
        for (const PaddingRequest &request : {before, after}) {
            require_error(conv_padding(request), "padding is beyond");
            require_error(conv_transpose_padding(request), "padding is beyond");
        }
    }
    PaddingRequest cropped = c.request(any);
    cropped.axis.pad_before = 11;
    require_error(conv_transpose_padding(cropped), "crops all of it");
}

TEST_CASE("the largest legal numbers do not overflow") {
    const int64_t most = INT32_MAX;
    const Case c{most, most, most, most};
    for (PaddingWord word :
         {PaddingWord::kOnnxNotset, PaddingWord::kOnnxSameUpper, PaddingWord::kOnnxSameLower, PaddingWord::kOnnxValid,
          PaddingWord::kTensorflowSame, PaddingWord::kTensorflowValid, PaddingWord::kValid, PaddingWord::kFull,
          PaddingWord::kHalf, PaddingWord::kTorchSame, PaddingWord::kExplicit}) {
        PaddingRequest request = c.request(word);
        request.axis.pad_before = request.pad_after = -most;
        bool conv_fits = word == PaddingWord::kTensorflowSame || word == PaddingWord::kOnnxSameUpper ||
                         word == PaddingWord::kOnnxSameLower || word == PaddingWord::kFull ||
                         word == PaddingWord::kHalf;
        REQUIRE((conv_padding(request).error == nullptr) == conv_fits);
        REQUIRE((conv_transpose_padding(request).error == nullptr) == (word != PaddingWord::kTorchSame));
    }
}

TEST_CASE("words as text") {
    REQUIRE(parse_padding_word("SAME") == PaddingWord::kTensorflowSame);
    REQUIRE(parse_padding_word("VALID") == PaddingWord::kTensorflowValid);
    REQUIRE(parse_padding_word("SAME_UPPER") == PaddingWord::kOnnxSameUpper);
    REQUIRE(parse_padding_word("SAME_LOWER") == PaddingWord::kOnnxSameLower);
    REQUIRE(parse_padding_word("NOTSET") == PaddingWord::kOnnxNotset);
    REQUIRE(parse_padding_word("valid") == PaddingWord::kValid);
    REQUIRE(parse_padding_word("full") == PaddingWord::kFull);
    REQUIRE(parse_padding_word("half") == PaddingWord::kHalf);
    REQUIRE(parse_padding_word("same") == PaddingWord::kTorchSame);
    for (const char *text : {"", "Same", "SAME ", "SAMEX", "explicit", "FULL"}) {
        REQUIRE_FALSE(parse_padding_word(text));
    }
    REQUIRE(parse_onnx_auto_pad("NOTSET") == PaddingWord::kOnnxNotset);
    REQUIRE(parse_onnx_auto_pad("SAME_UPPER") == PaddingWord::kOnnxSameUpper);
    REQUIRE(parse_onnx_auto_pad("SAME_LOWER") == PaddingWord::kOnnxSameLower);
    REQUIRE(parse_onnx_auto_pad("VALID") == PaddingWord::kOnnxValid);
    for (const char *text : {"", "SAME", "valid", "full"}) {
        REQUIRE_FALSE(parse_onnx_auto_pad(text));
    }
    // The list for messages names each word and no other.
    std::string words = padding_words();
    int count = 0;
    for (size_t at = 0; at != std::string::npos; ++count) {
        size_t comma = words.find(", ", at);
        REQUIRE(parse_padding_word(words.substr(at, comma - at)));
        at = comma == std::string::npos ? comma : comma + 2;
    }
    REQUIRE(count == 9);
}

TEST_CASE("the padding of a whole problem") {
    halconv_problem problem{};
    problem.op = HALCONV_CONV;
    problem.rank = 2;
    for (int a = 0; a < 2; ++a) {
        problem.in[a] = 6 + a;
        problem.kernel[a] = 3;
        problem.stride[a] = 2;
        problem.dilation[a] = 1;
    }
    REQUIRE(resolve_padding({PaddingWord::kTensorflowSame, false, nullptr}, problem).reason == nullptr);
    REQUIRE(problem.pad_before[0] == 0);
    REQUIRE(problem.pad_after[0] == 1);
    REQUIRE(problem.pad_before[1] == 1);
    REQUIRE(problem.pad_after[1] == 1);

    problem.op = HALCONV_CONV_TRANSPOSE;
    const int64_t sizes[2] = {12, 13};
    REQUIRE(resolve_padding({PaddingWord::kTensorflowSame, false, sizes}, problem).reason == nullptr);
    REQUIRE(problem.pad_before[0] == 0);
    REQUIRE(problem.pad_after[0] == 1);
    REQUIRE(problem.pad_before[1] == 1);
    REQUIRE(problem.pad_after[1] == 1);

    problem.output_padding[1] = 1;
    REQUIRE(resolve_padding({PaddingWord::kExplicit, true, nullptr}, problem).reason == nullptr);
    REQUIRE(problem.output_padding[1] == 1);
    REQUIRE(problem.pad_after[0] == 1);

    // An error names its axis and leaves the problem alone.
    const int64_t wrong[2] = {12, 20};
    PaddingError error = resolve_padding({PaddingWord::kHalf, false, wrong}, problem);
    REQUIRE(error.reason != nullptr);
    REQUIRE(error.axis == 1);
    REQUIRE(problem.pad_before[0] == 0);
    REQUIRE(problem.output_padding[1] == 1);
}
