#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <set>

#include <fmt/format.h>
#include <onnx/shape_inference/implementation.h>

#include "tools/onnx_model.h"

namespace halconv {
namespace {

using Strings = std::set<std::string>;

// Operators that the installed operator sets (up to 17) lack and whose output has the shape of the first input.
const Strings kShapeKeepers = {"Gelu", "Mish", "Swish", "GroupNormalization", "RMSNormalization"};

// Reductions that take their axes as an input since operator set 18; older rules would read "no axes: all of them".
const Strings kReductions = {"ReduceMean", "ReduceMax",    "ReduceMin",       "ReduceProd",     "ReduceL1",
                             "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};

// Attributes, newer than operator set 17, that change the output's size.
const std::map<std::string, Strings> kUnknownSizeAttributes = {
    {"Resize", {"axes", "keep_aspect_ratio_policy"}}, {"AveragePool", {"dilations"}}, {"LpPool", {"dilations"}}};

constexpr char kOpaque[] = "HalconvOpaque";  // in no operator set: inference leaves its outputs unknown

void set_axes_attribute(onnx::NodeProto &node, const std::vector<int64_t> &axes) {
    onnx::AttributeProto *attribute = node.add_attribute();
    attribute->set_name("axes");
    attribute->set_type(onnx::AttributeProto::INTS);
    for (int64_t axis : axes) {
        attribute->add_ints(axis);
    }
    node.mutable_input()->RemoveLast();
}

// Rewrites what operator set 17's shape rules would misread.
void modernise(onnx::NodeProto &node, const GraphScope &scope) {
    if (!node.domain().empty() && node.domain() != "ai.onnx") {
        return;
    }
    const std::string &op = node.op_type();
    if (kShapeKeepers.count(op) && node.input_size() > 0) {
        node.set_op_type("Identity");
        node.clear_attribute();
        node.mutable_input()->DeleteSubrange(1, node.input_size() - 1);
    } else if (kReductions.count(op) && node.input_size() > 1) {
        std::optional<ConstantTensor> axes = scope.constant(node.input(1));
        if (axes && axes->tensor && !axes->fill && axes->element == onnx::TensorProto::INT64) {
            set_axes_attribute(node, integer_values(*axes->tensor));
        } else {
            node.set_op_type(kOpaque);
        }
    } else if (auto found = kUnknownSizeAttributes.find(op); found != kUnknownSizeAttributes.end()) {
        for (const std::string &name : found->second) {
            if (find_attribute(node, name)) {
                node.set_op_type(kOpaque);
                return;
            }
        }
    }
}

void modernise(onnx::GraphProto &graph, const GraphScope *outer) {
    GraphScope scope(graph, outer);
    for (onnx::NodeProto &node : *graph.mutable_node()) {
        for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
            if (attribute.has_g()) {
                modernise(*attribute.mutable_g(), &scope);
            }
        }
        modernise(node, scope);
    }
}

bool unknown(const onnx::TensorShapeProto::Dimension &dim) { return !dim.has_dim_value() || dim.dim_value() <= 0; }

// Inputs that a convolution may read have a batch, a channel and at least one spatial axis.
constexpr int kLeastImageRank = 3;

// Batch sizes that the model leaves open become 1, and so does each other dimension of an input with the same symbol.
void assume_batch_one(onnx::GraphProto &graph, const Remark &remark) {
    Strings symbols, initializers;
    for (const onnx::TensorProto &tensor : graph.initializer()) {
        initializers.insert(tensor.name());
    }
    auto shape_of = [](onnx::ValueInfoProto &input) {
        return input.type().has_tensor_type() ? input.mutable_type()->mutable_tensor_type()->mutable_shape() : nullptr;
    };
    for (onnx::ValueInfoProto &input : *graph.mutable_input()) {
        onnx::TensorShapeProto *shape = shape_of(input);
        if (initializers.count(input.name()) || !shape || shape->dim_size() < kLeastImageRank ||
            !unknown(shape->dim(0))) {
            continue;
        }
        std::string symbol = shape->dim(0).dim_param();
        remark(fmt::format("input {}: batch size {} is taken as 1", input.name(),
                           symbol.empty() ? "unknown" : "'" + symbol + "'"));
        symbols.insert(symbol);
        shape->mutable_dim(0)->set_dim_value(1);
    }
    symbols.erase("");
    for (onnx::ValueInfoProto &input : *graph.mutable_input()) {
        onnx::TensorShapeProto *shape = shape_of(input);
        for (int i = 0; shape && i < shape->dim_size(); i++) {
            if (symbols.count(shape->dim(i).dim_param())) {
                shape->mutable_dim(i)->set_dim_value(1);
            }
        }
    }
}

// Shape rules read the values of integers only: the weights need not be copied.
void drop_weights(onnx::GraphProto &graph) {
    for (onnx::TensorProto &tensor : *graph.mutable_initializer()) {
        if (tensor.data_type() == onnx::TensorProto::FLOAT) {
            tensor.clear_raw_data();
            tensor.clear_float_data();
        }
    }
}

// Takes the types over that `inferred`, the same graph after inference, knows.
void copy_types(const onnx::GraphProto &inferred, onnx::GraphProto &graph) {
    *graph.mutable_value_info() = inferred.value_info();
    *graph.mutable_output() = inferred.output();
    for (int n = 0; n < graph.node_size(); n++) {
        for (int a = 0; a < graph.node(n).attribute_size(); a++) {
            onnx::AttributeProto &attribute = *graph.mutable_node(n)->mutable_attribute(a);
            if (attribute.has_g()) {
                copy_types(inferred.node(n).attribute(a).g(), *attribute.mutable_g());
            }
        }
    }
}

constexpr char kInferred = '+', kFailed = '-';

// kInferred and the model with shapes, or kFailed and the reason.
std::string infer_shapes(onnx::ModelProto &model, bool propagate_data) {
    try {
        onnx::ShapeInferenceOptions options(false, 0, propagate_data);
        onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), options);
        return kInferred + model.SerializeAsString();
    } catch (const std::exception &error) {
        std::string reason = error.what();
        return kFailed + reason.substr(0, reason.find('\n'));
    }
}

void write_all(int file, const std::string &bytes) {
    for (size_t done = 0; done < bytes.size();) {
        ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
        if (count <= 0 && errno != EINTR) {
            return;
        }
        done += size_t(std::max<ssize_t>(count, 0));
    }
}

std::string read_all(int file) {
    std::string bytes;
    char block[1 << 16];
    for (;;) {
        ssize_t count = read(file, block, sizeof block);
        if (count > 0) {
            bytes.append(block, size_t(count));
        } else if (count == 0 || errno != EINTR) {
            return bytes;
        }
    }
}

// The same in a process of its own: ONNX 1.12's rules follow null pointers where a malformed model lacks dimensions.
std::string infer_apart(onnx::ModelProto &model, bool propagate_data) {
    int pipe_ends[2];
    pid_t child = pipe(pipe_ends) == 0 ? fork() : -1;
    if (child < 0) {
        return kFailed + std::string("no process could be started");
    }
    if (child == 0) {
        for (int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
            signal(fatal, SIG_DFL);  // this process just ends; nobody's handler reports it
        }
        close(pipe_ends[0]);
        write_all(pipe_ends[1], infer_shapes(model, propagate_data));
        _exit(0);
    }
    close(pipe_ends[1]);
    std::string answer = read_all(pipe_ends[0]);
    close(pipe_ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !answer.empty();
    return ended ? answer : kFailed + std::string("a rule of the onnx library crashed: the model is malformed");
}

}  // namespace

void infer_onnx_shapes(onnx::ModelProto &model, const Remark &remark) {
    assume_batch_one(*model.mutable_graph(), remark);
    modernise(*model.mutable_graph(), nullptr);
    onnx::ModelProto skeleton = model;
    drop_weights(*skeleton.mutable_graph());
    std::string answer;
    for (bool propagate_data : {true, false}) {
        answer = infer_apart(skeleton, propagate_data);
        onnx::ModelProto inferred;
        if (answer[0] == kInferred && inferred.ParseFromString(answer.substr(1))) {
            copy_types(inferred.graph(), *model.mutable_graph());
            return;
        }
    }
    remark(fmt::format("shape inference stopped ({}); only sizes that the model states are used", answer.substr(1)));
}

}  // namespace halconv
