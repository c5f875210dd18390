#include "tools/onnx_import.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "runtime/core/padding.h"
#include "runtime/core/problem.h"
#include "tools/onnx_model.h"
#include "tools/problem_text.h"

namespace halconv {
namespace {

// Why a node is left out; caught where the node's remark is written.
struct Skip : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::vector<int64_t> ints(const onnx::NodeProto &node, const char *name) {
    const onnx::AttributeProto *attribute = find_attribute(node, name);
    return attribute ? std::vector<int64_t>(attribute->ints().begin(), attribute->ints().end())
                     : std::vector<int64_t>{};
}

// The attribute for each axis, or `fallback` on each where it is absent.
void read_axes(const onnx::NodeProto &node, const char *name, int rank, int64_t fallback, int64_t *axes) {
    std::vector<int64_t> values = ints(node, name);
    if (!values.empty() && int(values.size()) != rank) {
        throw Skip(fmt::format("attribute {} has {} values for {} spatial axes", name, values.size(), rank));
    }
    for (int a = 0; a < rank; a++) {
        axes[a] = values.empty() ? fallback : values[size_t(a)];
    }
}

bool is_convolution(const onnx::NodeProto &node) {
    return (node.domain().empty() || node.domain() == "ai.onnx") &&
           (node.op_type() == "Conv" || node.op_type() == "ConvTranspose");
}

std::string input_name(const onnx::NodeProto &node, int i) { return node.input_size() > i ? node.input(i) : ""; }

class Importer {
  public:
    Importer(const std::filesystem::path &path, const Remark &remark, OnnxValues values)
        : path_(path.string()), remark_(remark), read_values_(values == OnnxValues::kRead) {}

    void add_graph(const onnx::GraphProto &graph, const GraphScope *outer) {
        GraphScope scope(graph, outer);
        for (const onnx::NodeProto &node : graph.node()) {
            for (const onnx::AttributeProto &attribute : node.attribute()) {
                if (attribute.has_g()) {
                    add_graph(attribute.g(), &scope);
                }
            }
            if (is_convolution(node)) {
                add_node(node, scope);
            } else if (node.op_type().find("Conv") != std::string::npos) {
                std::string domain = node.domain().empty() ? "" : " of " + node.domain();
                skip(node, fmt::format("operator {}{} is not supported", node.op_type(), domain));
            }
        }
    }

    void note_function(const onnx::FunctionProto &function) {
        for (const onnx::NodeProto &node : function.node()) {
            if (node.op_type().find("Conv") != std::string::npos) {
                skip(node, fmt::format("lies in the model's function {}; inline functions first", function.name()));
            }
        }
    }

    std::vector<OnnxLayer> layers;

  private:
    static std::string node_name(const onnx::NodeProto &node) {
        return !node.name().empty() || node.output_size() == 0 ? node.name() : node.output(0);
    }

    void skip(const onnx::NodeProto &node, const std::string &reason) {
        remark_(fmt::format("{}: node {}: skipped: {}", path_, node_name(node), reason));
    }

    // Names are unique within a model's layers: a repeated one gets its output's name, then a number.
    std::string unique_name(const onnx::NodeProto &node) {
        std::string name = node_name(node);
        if (!names_.insert(name).second && node.output_size() > 0) {
            name = node.output(0);
        } else {
            return name;
        }
        for (int i = 2; !names_.insert(name).second; i++) {
            name = fmt::format("{}.{}", node.output(0), i);
        }
        return name;
    }

    void add_node(const onnx::NodeProto &node, const GraphScope &scope) {
        try {
            OnnxLayer imported;
            imported.layer.problem = problem_of(node, scope);
            imported.layer.name = unique_name(node);
            imported.layer.source = fmt::format("{}: node {}", path_, imported.layer.name);
            if (read_values_) {
                read_values(node, scope, imported);
            }
            layers.push_back(std::move(imported));
        } catch (const Skip &reason) {
            skip(node, reason.what());
        }
    }

    // Shapes: x (n, c, spatial..); weights (o, i / groups, spatial..) for Conv, (i, o / groups, ..) for ConvTranspose.
    halconv_problem problem_of(const onnx::NodeProto &node, const GraphScope &scope) {
        TensorType w = scope.type(input_name(node, 1));
        if (!w.shape) {
            throw Skip(fmt::format("the shape of its weights {} is not known", input_name(node, 1)));
        }
        if (w.element != onnx::TensorProto::FLOAT) {
            std::string type = onnx::TensorProto::DataType_Name(onnx::TensorProto::DataType(w.element));
            throw Skip(fmt::format("element type {}; only float32 is supported", type.empty() ? "unknown" : type));
        }
        halconv_problem problem{};
        problem.op = node.op_type() == "Conv" ? HALCONV_CONV : HALCONV_CONV_TRANSPOSE;
        problem.in_layout = problem.out_layout = HALCONV_NCHW;
        problem.rank = int32_t(w.shape->size()) - 2;
        if (problem.rank < 1 || problem.rank > 3) {
            throw Skip(fmt::format("weights with {} axes; 1 to 3 spatial axes are supported", w.shape->size()));
        }
        const onnx::AttributeProto *group = find_attribute(node, "group");
        problem.groups = group ? group->i() : 1;
        read_weight_shape(node, *w.shape, problem);
        read_input_shape(node, scope.type(input_name(node, 0)), problem);
        read_axes(node, "strides", problem.rank, 1, problem.stride);
        read_axes(node, "dilations", problem.rank, 1, problem.dilation);
        read_padding(node, problem);
        int64_t out[3];
        if (check_problem(problem, out) != HALCONV_OK) {
            throw Skip(problem_fault(problem));
        }
        return problem;
    }

    static void read_weight_shape(const onnx::NodeProto &node, const std::vector<int64_t> &shape,
                                  halconv_problem &problem) {
        for (int64_t extent : shape) {
            if (extent < 1) {
                throw Skip(fmt::format("the shape of its weights {} is not known", input_name(node, 1)));
            }
        }
        constexpr int64_t kMostChannels = INT32_MAX;
        if (problem.groups < 1 || problem.groups > kMostChannels || shape[1] > kMostChannels / problem.groups) {
            throw Skip(fmt::format("group {} is not usable", problem.groups));
        }
        bool conv = problem.op == HALCONV_CONV;
        problem.in_channels = conv ? shape[1] * problem.groups : shape[0];
        problem.out_channels = conv ? shape[0] : shape[1] * problem.groups;
        std::copy(shape.begin() + 2, shape.end(), problem.kernel);
        std::vector<int64_t> stated = ints(node, "kernel_shape");
        if (!stated.empty() && !std::equal(stated.begin(), stated.end(), shape.begin() + 2, shape.end())) {
            throw Skip("attribute kernel_shape contradicts the weights' shape");
        }
    }

    void read_input_shape(const onnx::NodeProto &node, const TensorType &x, halconv_problem &problem) {
        std::string name = input_name(node, 0);
        if (!x.shape) {
            throw Skip(fmt::format("the shape of its input {} is not known", name));
        }
        if (int32_t(x.shape->size()) != problem.rank + 2) {
            throw Skip(
                fmt::format("input {} has {} axes where the weights have {}", name, x.shape->size(), problem.rank + 2));
        }
        int64_t channels = (*x.shape)[1];
        if (channels != kUnknownExtent && channels != problem.in_channels) {
            throw Skip(
                fmt::format("input {} has {} channels where the weights need {}", name, channels, problem.in_channels));
        }
        for (int a = 0; a < problem.rank; a++) {
            problem.in[a] = (*x.shape)[size_t(a) + 2];
            if (problem.in[a] == kUnknownExtent) {
                throw Skip(
                    fmt::format("spatial size {} of its input {} is not known; fix the model's input shape", a, name));
            }
        }
        problem.batch = (*x.shape)[0];
        if (problem.batch == kUnknownExtent) {
            problem.batch = 1;
            remark_(fmt::format("{}: node {}: batch size of input {} is taken as 1", path_, node_name(node), name));
        }
    }

    // pads holds all begins, then all ends.
    static void read_padding(const onnx::NodeProto &node, halconv_problem &problem) {
        const onnx::AttributeProto *auto_pad = find_attribute(node, "auto_pad");
        std::optional<PaddingWord> word = parse_onnx_auto_pad(auto_pad ? auto_pad->s() : "NOTSET");
        if (!word) {
            throw Skip(fmt::format("auto_pad '{}' is not known", auto_pad->s()));
        }
        size_t rank = size_t(problem.rank);
        std::vector<int64_t> pads = ints(node, "pads"), output_shape = ints(node, "output_shape");
        if (!pads.empty() && pads.size() != 2 * rank) {
            throw Skip(fmt::format("attribute pads has {} values for {} spatial axes", pads.size(), rank));
        }
        for (size_t a = 0; a < rank && !pads.empty(); a++) {
            problem.pad_before[a] = pads[a];
            problem.pad_after[a] = pads[rank + a];
        }
        if (problem.op == HALCONV_CONV) {
            output_shape.clear();
        } else {
            read_axes(node, "output_padding", problem.rank, 0, problem.output_padding);
        }
        if (!output_shape.empty() && output_shape.size() != rank) {
            throw Skip(
                fmt::format("attribute output_shape has {} values for {} spatial axes", output_shape.size(), rank));
        }
        PaddingSpec spec{*word, find_attribute(node, "output_padding") != nullptr && problem.op != HALCONV_CONV,
                         output_shape.empty() ? nullptr : output_shape.data()};
        if (PaddingError error = resolve_padding(spec, problem); error.reason) {
            throw Skip(fmt::format("axis {}: {}", error.axis, error.reason));
        }
    }

    static void read_values(const onnx::NodeProto &node, const GraphScope &scope, OnnxLayer &imported) {
        auto read = [&](int i, const std::vector<int64_t> &shape, std::vector<float> &values) {
            std::optional<ConstantTensor> held = scope.constant(input_name(node, i));
            bool fits = held && held->shape == shape;
            std::optional<std::vector<float>> elements = fits ? constant_values(*held) : std::nullopt;
            if (elements) {
                values = std::move(*elements);
            }
            return elements.has_value();
        };
        // problem_of has accepted the weights' shape: it is known and has fewer than 2^31 elements.
        std::vector<int64_t> weights_shape = *scope.type(input_name(node, 1)).shape;
        bool has_bias = !input_name(node, 2).empty();
        imported.has_values = read(1, weights_shape, imported.weights) &&
                              (!has_bias || read(2, {imported.layer.problem.out_channels}, imported.bias));
    }

    const std::string path_;
    const Remark &remark_;
    const bool read_values_;
    std::set<std::string> names_;
};

}  // namespace

std::vector<OnnxLayer> import_onnx(const std::filesystem::path &path, const Remark &remark, OnnxValues values) {
    // A model's names may hold anything; a remark is one line.
    Remark one_line = [&](std::string text) {
        std::replace_if(
            text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, '?');
        remark(text);
    };
    onnx::ModelProto model = read_onnx_model(path);
    infer_onnx_shapes(model, [&](const std::string &text) { one_line(fmt::format("{}: {}", path.string(), text)); });
    Importer importer(path, one_line, values);
    importer.add_graph(model.graph(), nullptr);
    for (const onnx::FunctionProto &function : model.functions()) {
        importer.note_function(function);
    }
    return std::move(importer.layers);
}

}  // namespace halconv
