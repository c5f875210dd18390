// Convolutions of an ONNX model as layers.
#pragma once

#include <filesystem>
#include <vector>

#include "tools/layer.h"

namespace halconv {

struct OnnxLayer {
    Layer layer;  // nchw in and out, as ONNX has it; named after the node, or its output where it has no name
    std::vector<float> weights;  // OIHW for Conv, IOHW for ConvTranspose, as the model holds them
    std::vector<float> bias;     // out_channels values; empty for none
    bool has_values = false;  // false: the model computes or receives the weights or the bias, or holds them elsewhere
};

enum class OnnxValues { kSkip, kRead };

// Conv and ConvTranspose nodes of the main graph and of the subgraphs of If, Loop and Scan, in the model's order.
// `remark` receives one line for each assumption and for each convolution that is left out, with the reason. Throws
// InputError (one line) where the file is no ONNX model.
std::vector<OnnxLayer> import_onnx(const std::filesystem::path &path, const Remark &remark, OnnxValues values);

}  // namespace halconv
