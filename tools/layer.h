// Layers: what the program reads from layer lists and models, and how it names them in messages.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "halconv/halconv.h"

namespace halconv {

// Wrong usage or bad input: exit status 2. The text is one line that names file, line and reason.
struct InputError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The work failed: exit status 1.
struct WorkError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// One layer with explicit padding: every padding word and output_shape has been resolved.
struct Layer {
    std::string name;
    halconv_problem problem{};
    halconv_numerics numerics = HALCONV_DEFAULT;
    std::string source;  // "file.jsonl:12" or "model.onnx: node conv1"
};

// Receives one line for each ONNX node that is skipped and for each other remark.
using Remark = std::function<void(const std::string &)>;

// Reads LAYERS arguments: LIST.jsonl, LIST.jsonl#name, LAYER.json, MODEL.onnx. Throws InputError.
std::vector<Layer> load_layers(const std::vector<std::string> &arguments, const Remark &remark);

// The same for an argument that stands for exactly one layer.
Layer load_layer(const std::string &argument, const Remark &remark);

// FILE and NAME of an argument FILE#NAME; the name is empty where there is none, or where a file is called FILE#NAME.
std::pair<std::string, std::string> split_layer_argument(const std::string &argument);

// The layer as a JSON object of the layer-list format, with explicit padding (one line, no newline).
std::string layer_json(const Layer &layer);

}  // namespace halconv
