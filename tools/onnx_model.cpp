#include "tools/onnx_model.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

namespace halconv {
namespace {

TensorType tensor_type(const onnx::TypeProto &type) {
    TensorType known;
    if (!type.has_tensor_type()) {
        return known;
    }
    known.element = type.tensor_type().elem_type();
    if (type.tensor_type().has_shape()) {
        known.shape.emplace();
        for (const auto &dim : type.tensor_type().shape().dim()) {
            bool positive = dim.has_dim_value() && dim.dim_value() > 0;
            known.shape->push_back(positive ? dim.dim_value() : kUnknownExtent);
        }
    }
    return known;
}

TensorType tensor_type(const onnx::TensorProto &tensor) {
    return {tensor.data_type(), std::vector<int64_t>(tensor.dims().begin(), tensor.dims().end())};
}

// The elements of a dense tensor, from raw little-endian bytes or from the field of their type.
template <class T, class Field> std::vector<T> elements(const onnx::TensorProto &tensor, const Field &field) {
    if (!tensor.has_raw_data()) {
        return std::vector<T>(field.begin(), field.end());
    }
    std::vector<T> values(tensor.raw_data().size() / sizeof(T));
    std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(T));
    return values;
}

}  // namespace

GraphScope::GraphScope(const onnx::GraphProto &graph, const GraphScope *outer) : outer_(outer) {
    for (const auto *values : {&graph.input(), &graph.output(), &graph.value_info()}) {
        for (const onnx::ValueInfoProto &value : *values) {
            types_[value.name()] = tensor_type(value.type());
        }
    }
    for (const onnx::TensorProto &tensor : graph.initializer()) {
        types_[tensor.name()] = tensor_type(tensor);
        initializers_[tensor.name()] = &tensor;
    }
    for (const onnx::NodeProto &node : graph.node()) {
        for (const std::string &output : node.output()) {
            producers_[output] = &node;
        }
    }
}

TensorType GraphScope::type(const std::string &tensor) const {
    for (const GraphScope *scope = this; scope; scope = scope->outer_) {
        auto found = scope->types_.find(tensor);
        if (found != scope->types_.end() && found->second.shape) {
            return found->second;
        }
    }
    if (std::optional<ConstantTensor> held = constant(tensor)) {
        return {held->element, held->shape};
    }
    return {};
}

const onnx::NodeProto *GraphScope::producer(const std::string &tensor) const {
    for (const GraphScope *scope = this; scope; scope = scope->outer_) {
        auto found = scope->producers_.find(tensor);
        if (found != scope->producers_.end()) {
            return found->second;
        }
    }
    return nullptr;
}

std::optional<ConstantTensor> GraphScope::constant(const std::string &tensor) const {
    for (const GraphScope *scope = this; scope; scope = scope->outer_) {
        auto found = scope->initializers_.find(tensor);
        if (found != scope->initializers_.end()) {
            TensorType type = tensor_type(*found->second);
            return ConstantTensor{*type.shape, type.element, found->second, false};
        }
    }
    const onnx::NodeProto *node = producer(tensor);
    return node ? produced_constant(*node) : std::nullopt;
}

std::optional<ConstantTensor> GraphScope::produced_constant(const onnx::NodeProto &node) const {
    const onnx::AttributeProto *value = find_attribute(node, "value");
    if (node.op_type() == "Constant" && value && value->has_t()) {
        TensorType type = tensor_type(value->t());
        return ConstantTensor{*type.shape, type.element, &value->t(), false};
    }
    const onnx::NodeProto *shape_node = node.input_size() == 1 ? producer(node.input(0)) : nullptr;
    if (node.op_type() != "ConstantOfShape" || node.input_size() != 1 ||
        (shape_node && shape_node->op_type() == "ConstantOfShape")) {
        return std::nullopt;
    }
    std::optional<ConstantTensor> shape = constant(node.input(0));
    if (!shape || !shape->tensor || shape->fill || shape->element != onnx::TensorProto::INT64) {
        return std::nullopt;
    }
    ConstantTensor made;
    made.shape = integer_values(*shape->tensor);
    made.element = value && value->has_t() ? value->t().data_type() : int32_t(onnx::TensorProto::FLOAT);
    made.tensor = value && value->has_t() ? &value->t() : nullptr;
    made.fill = true;
    return made;
}

const onnx::AttributeProto *find_attribute(const onnx::NodeProto &node, const std::string &name) {
    for (const onnx::AttributeProto &attribute : node.attribute()) {
        if (attribute.name() == name) {
            return &attribute;
        }
    }
    return nullptr;
}

onnx::ModelProto read_onnx_model(const std::filesystem::path &path) {
    google::protobuf::LogSilencer silent;  // its own messages would precede the one line
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        throw InputError(fmt::format("{}: is a folder, not an ONNX model", path.string()));
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw InputError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
    }
    auto bytes = std::filesystem::file_size(path, error);
    if (!error && bytes > uint64_t(std::numeric_limits<int32_t>::max())) {
        throw InputError(fmt::format("{}: {} bytes exceed protobuf's limit of 2 GiB; save the weights as external data",
                                     path.string(), bytes));
    }
    google::protobuf::io::IstreamInputStream stream(&file);
    google::protobuf::io::CodedInputStream coded(&stream);
    coded.SetTotalBytesLimit(std::numeric_limits<int32_t>::max());
    onnx::ModelProto model;
    if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
        throw InputError(fmt::format("{}: not an ONNX model, or truncated: protobuf cannot read it", path.string()));
    }
    if (!model.has_graph() || model.graph().node_size() == 0) {
        throw InputError(fmt::format("{}: not an ONNX model: it holds no graph", path.string()));
    }
    return model;
}

std::vector<int64_t> integer_values(const onnx::TensorProto &tensor) {
    return elements<int64_t>(tensor, tensor.int64_data());
}

std::optional<std::vector<float>> constant_values(const ConstantTensor &constant) {
    int64_t count = 1;
    for (int64_t extent : constant.shape) {
        count *= extent;
    }
    if (constant.fill && !constant.tensor) {
        return std::vector<float>(size_t(count), 0.0f);
    }
    if (constant.element != onnx::TensorProto::FLOAT ||
        constant.tensor->data_location() == onnx::TensorProto::EXTERNAL) {
        return std::nullopt;
    }
    std::vector<float> values = elements<float>(*constant.tensor, constant.tensor->float_data());
    if (constant.fill && values.size() == 1) {
        values.resize(size_t(count), values[0]);
    }
    return int64_t(values.size()) == count ? std::optional(std::move(values)) : std::nullopt;
}

}  // namespace halconv
