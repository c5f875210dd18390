// ONNX models as protobuf, prepared so that every tensor has a shape where one can be known.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

#include "tools/layer.h"

namespace halconv {

constexpr int64_t kUnknownExtent = -1;

// What is known of a tensor: element type (TensorProto::DataType, 0 unknown), extents (kUnknownExtent where unknown).
struct TensorType {
    int32_t element = 0;
    std::optional<std::vector<int64_t>> shape;  // nothing where even the rank is unknown
};

// A tensor whose elements the model itself holds.
struct ConstantTensor {
    std::vector<int64_t> shape;
    int32_t element = 0;
    const onnx::TensorProto *tensor = nullptr;  // the elements; for a fill the one element that repeats, null for 0
    bool fill = false;                          // made by ConstantOfShape
};

// The names that a graph's nodes can see: its own and those of the graphs around it. Holds pointers into `graph`.
class GraphScope {
  public:
    GraphScope(const onnx::GraphProto &graph, const GraphScope *outer);
    TensorType type(const std::string &tensor) const;
    std::optional<ConstantTensor> constant(const std::string &tensor) const;

  private:
    const onnx::NodeProto *producer(const std::string &tensor) const;
    std::optional<ConstantTensor> produced_constant(const onnx::NodeProto &node) const;

    const GraphScope *outer_;
    std::map<std::string, TensorType> types_;
    std::map<std::string, const onnx::TensorProto *> initializers_;
    std::map<std::string, const onnx::NodeProto *> producers_;
};

// Reads a model. Throws InputError with one line: unreadable, truncated, not ONNX, over protobuf's 2 GiB.
onnx::ModelProto read_onnx_model(const std::filesystem::path &path);

// Sets unknown batch sizes of inputs to 1 and infers shapes through the graph and its subgraphs; `remark` receives a
// line for each assumption and for an inference that broke off. Needs shape rules up to operator set 17 only: newer
// operators that keep their input's shape are replaced, and those whose meaning changed are made opaque.
void infer_onnx_shapes(onnx::ModelProto &model, const Remark &remark);

// The elements as float; nothing if they are not float32 or lie in another file. The shape must fit into memory.
std::optional<std::vector<float>> constant_values(const ConstantTensor &constant);

// The elements of an int64 tensor.
std::vector<int64_t> integer_values(const onnx::TensorProto &tensor);

// An attribute of the node, null where it is absent.
const onnx::AttributeProto *find_attribute(const onnx::NodeProto &node, const std::string &name);

}  // namespace halconv
