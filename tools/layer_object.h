// A layer as a JSON object, the line of a layer list. Keys (* required):
//
//     name*            text, unique within its file
//     op*              "conv" or "conv_transpose"
//     n                batch, default 1
//     ci*, co*         channels in and out (of all groups)
//     groups           default 1
//     in*, kernel*     an integer for each spatial axis, slowest first; 1 to 3 axes
//     stride, dilation likewise, default 1
//     pad              [[before, after], ..] for each axis, default 0, negative crops; or a padding word:
//                      SAME, VALID (TensorFlow's), SAME_UPPER, SAME_LOWER, NOTSET (ONNX's), valid, full, half
//                      (Theano's), same (PyTorch's)
//     output_padding   conv_transpose: an integer for each axis, default 0
//     output_shape     conv_transpose: the output's spatial sizes, in place of output_padding
//     dtype            "f32", the default
//     layout           "nhwc" (default) or "nchw", of the input; also spelled for the rank: nwc, ndhwc, ncw, ncdhw
//     out_layout       default: as layout
//     epilogue         default "linear": what follows the sum and the bias. The word of an activation: linear, relu,
//                      tanh, sigmoid, silu, gelu, leaky_relu (alpha 0.01), relu6 (clamp from 0 to 6); or an object
//                      {"activation": word, "alpha": number, "beta": number, "residual": true}: clamp is
//                      min(max(v, alpha), beta), leaky_relu multiplies negative values by alpha, residual adds a
//                      tensor of the output's shape before the activation
//     numerics         "default", "strict", "fast"
//     resize           "none", the default
#pragma once

#include <functional>
#include <string>

#include "tools/layer.h"

namespace halconv {

// Names the place of a key in the text that was read, e.g. "list.jsonl:12"; the empty key stands for the whole object.
using KeyPlace = std::function<std::string(const std::string &key)>;

// The layer that `text`, one JSON object, describes; its source is place(""). Throws InputError: place, key and reason.
Layer parse_layer(const std::string &text, const KeyPlace &place);

}  // namespace halconv
