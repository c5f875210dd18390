// Small ONNX models for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

namespace halconv {

// A dimension is an extent, or a symbol where `symbol` is not empty.
struct OnnxDim {
    int64_t extent = 0;
    std::string symbol;
    OnnxDim(int64_t value) : extent(value) {}
    OnnxDim(const char *name) : symbol(name) {}
};

class OnnxBuilder {
  public:
    explicit OnnxBuilder(int64_t opset = 13) {
        model.set_ir_version(8);
        model.add_opset_import()->set_version(opset);
        graph = model.mutable_graph();
        graph->set_name("graph");
    }

    void input(const std::string &name, const std::vector<OnnxDim> &dims) {
        onnx::ValueInfoProto *value = graph->add_input();
        value->set_name(name);
        onnx::TypeProto_Tensor *type = value->mutable_type()->mutable_tensor_type();
        type->set_elem_type(onnx::TensorProto::FLOAT);
        type->mutable_shape();
        for (const OnnxDim &dim : dims) {
            auto *added = type->mutable_shape()->add_dim();
            if (dim.symbol.empty()) {
                added->set_dim_value(dim.extent);
            } else {
                added->set_dim_param(dim.symbol);
            }
        }
    }

    // float32 with the values 0, 1, 2, ..
    onnx::TensorProto *weights(const std::string &name, const std::vector<int64_t> &dims) {
        onnx::TensorProto *tensor = graph->add_initializer();
        tensor->set_name(name);
        tensor->set_data_type(onnx::TensorProto::FLOAT);
        int64_t count = 1;
        for (int64_t dim : dims) {
            tensor->add_dims(dim);
            count *= dim;
        }
        for (int64_t i = 0; i < count; i++) {
            tensor->add_float_data(float(i));
        }
        return tensor;
    }

    void integers(const std::string &name, const std::vector<int64_t> &values) {
        onnx::TensorProto *tensor = graph->add_initializer();
        tensor->set_name(name);
        fill(tensor, values);
    }

    static void fill(onnx::TensorProto *tensor, const std::vector<int64_t> &values) {
        tensor->set_data_type(onnx::TensorProto::INT64);
        tensor->add_dims(int64_t(values.size()));
        for (int64_t value : values) {
            tensor->add_int64_data(value);
        }
    }

    onnx::NodeProto *node(const std::string &op, const std::string &name, const std::vector<std::string> &inputs,
                          const std::vector<std::string> &outputs) {
        onnx::NodeProto *added = graph->add_node();
        added->set_op_type(op);
        added->set_name(name);
        for (const std::string &i : inputs) {
            added->add_input(i);
        }
        for (const std::string &o : outputs) {
            added->add_output(o);
        }
        return added;
    }

    static void set(onnx::NodeProto *node, const std::string &name, const std::vector<int64_t> &values) {
        onnx::AttributeProto *attribute = node->add_attribute();
        attribute->set_name(name);
        attribute->set_type(onnx::AttributeProto::INTS);
        for (int64_t value : values) {
            attribute->add_ints(value);
        }
    }
    static void set(onnx::NodeProto *node, const std::string &name, int64_t value) {
        onnx::AttributeProto *attribute = node->add_attribute();
        attribute->set_name(name);
        attribute->set_type(onnx::AttributeProto::INT);
        attribute->set_i(value);
    }
    static void set(onnx::NodeProto *node, const std::string &name, const std::string &value) {
        onnx::AttributeProto *attribute = node->add_attribute();
        attribute->set_name(name);
        attribute->set_type(onnx::AttributeProto::STRING);
        attribute->set_s(value);
    }

    std::string bytes() const { return model.SerializeAsString(); }

    onnx::ModelProto model;
    onnx::GraphProto *graph;
};

}  // namespace halconv
