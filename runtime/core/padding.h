// Padding words as text, and the padding of a whole problem. The formulas are in runtime/core/conv_shape.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"

namespace halconv {

// A word of the layer list: SAME, VALID (TensorFlow); SAME_UPPER, SAME_LOWER, NOTSET (ONNX); valid, full, half
// (Theano); same (PyTorch). Upper and lower case differ.
std::optional<PaddingWord> parse_padding_word(std::string_view text);

// A value of ONNX's auto_pad: NOTSET, SAME_UPPER, SAME_LOWER, VALID (which is not TensorFlow's for conv_transpose).
std::optional<PaddingWord> parse_onnx_auto_pad(std::string_view text);

// The words of parse_padding_word, for messages: "SAME, VALID, ..".
const char *padding_words();

// How a layer states its padding. `output_size` has a value for each axis, or is null.
struct PaddingSpec {
    PaddingWord word;
    bool output_padding_given;
    const int64_t *output_size;
};

// What is wrong with the padding of an axis; reason is null where nothing is.
struct PaddingError {
    const char *reason;
    int axis;
};

// Replaces pad_before, pad_after and output_padding of every axis by the numbers that `spec` means. Reads the problem's
// op, rank (1 to 3), in, kernel, stride and dilation; its output_padding if given; its paddings if `spec.word` is
// kExplicit or kOnnxNotset. On an error the problem is as it was.
PaddingError resolve_padding(const PaddingSpec &spec, halconv_problem &problem);

}  // namespace halconv
