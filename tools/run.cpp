#include "tools/run.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/build.h"
#include "tools/device_layer.h"
#include "tools/kernel_plan.h"
#include "tools/layer.h"
#include "tools/npy.h"
#include "tools/onnx_import.h"
#include "tools/plan_handle.h"
#include "tools/problem_text.h"
#include "tools/progress.h"

namespace halconv {
namespace {

using Shape = std::vector<int64_t>;

Shape tensor_shape(halconv_layout layout, int64_t batch, int64_t channels, const int64_t *sizes, int rank) {
    Shape shape{batch};
    shape.insert(shape.end(), sizes, sizes + rank);
    shape.insert(layout == HALCONV_NCHW ? shape.begin() + 1 : shape.end(), channels);
    return shape;
}

Shape weights_shape(const halconv_problem &p, halconv_weights_layout layout) {
    bool conv = p.op == HALCONV_CONV;
    int64_t o = conv ? p.out_channels : p.out_channels / p.groups, i = conv ? p.in_channels / p.groups : p.in_channels;
    bool input_first = layout == HALCONV_WEIGHTS_IOHW || layout == HALCONV_WEIGHTS_HWIO;
    Shape channels = input_first ? Shape{i, o} : Shape{o, i};
    Shape shape(p.kernel, p.kernel + p.rank);
    bool channels_first = layout == HALCONV_WEIGHTS_OIHW || layout == HALCONV_WEIGHTS_IOHW;
    shape.insert(channels_first ? shape.begin() : shape.end(), channels.begin(), channels.end());
    return shape;
}

std::vector<float> read_tensor(const std::string &path, const Shape &shape, const std::string &what) {
    NpyArray array = read_npy(path);
    if (array.shape != shape) {
        throw InputError(fmt::format("{}: shape {} where the layer's {} needs {}", path, shape_text(array.shape), what,
                                     shape_text(shape)));
    }
    return std::move(array.data);
}

struct Operands {
    std::vector<float> input, weights, bias, residual;  // bias and residual may be empty
    halconv_weights_layout layout;
};

// The weights and bias that the model itself holds for a node.
void take_model_values(const RunOptions &options, const Layer &layer, Operands &operands) {
    std::string path = split_layer_argument(options.layer).first;
    if (std::filesystem::path(path).extension() != ".onnx") {
        throw InputError("run: --weights is required: only an ONNX model holds weights of its own");
    }
    for (OnnxLayer &imported : import_onnx(
             path, [](const std::string &) {}, OnnxValues::kRead)) {
        if (imported.layer.name == layer.name && imported.has_values) {
            operands.weights = std::move(imported.weights);
            operands.bias = std::move(imported.bias);
            return;
        }
    }
    throw InputError(fmt::format("{}: the model does not hold this node's weights; give --weights", layer.source));
}

halconv_weights_layout default_weights_layout(const halconv_problem &problem) {
    return problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
}

Operands read_operands(const RunOptions &options, const Layer &layer) {
    const halconv_problem &p = layer.problem;
    Operands operands;
    operands.layout = default_weights_layout(p);
    if (!options.weights_layout.empty()) {
        operands.layout = halconv_weights_layout(find_word(kWeightsLayoutWords, options.weights_layout).value());
    }
    operands.input = read_tensor(options.input, tensor_shape(p.in_layout, p.batch, p.in_channels, p.in, p.rank),
                                 fmt::format("input ({})", word_of(kLayoutWords, p.in_layout)));
    if (options.weights.empty()) {
        take_model_values(options, layer, operands);
    } else {
        operands.weights = read_tensor(options.weights, weights_shape(p, operands.layout),
                                       fmt::format("weights ({})", word_of(kWeightsLayoutWords, operands.layout)));
    }
    if (!options.bias.empty()) {
        operands.bias = read_tensor(options.bias, {p.out_channels}, "bias");
    }
    return operands;
}

Layer load_one_layer(const RunOptions &options) {
    Layer layer =
        load_layer(options.layer, [](const std::string &remark) { fmt::print(stderr, "halconv: {}\n", remark); });
    if (layer.problem.residual && options.residual.empty()) {
        throw InputError(fmt::format("{}: the layer's epilogue adds a residual; give --residual", layer.source));
    }
    layer.problem.residual = !options.residual.empty();
    return layer;
}

std::unique_ptr<LoadedKernels> load_kernels(const RunOptions &options, const Layer &layer) {
    if (options.target.empty()) {
        return nullptr;
    }
    ProgressBar bar("building");
    BuildOptions build;
    build.targets = {options.target};
    build.all_candidates = !options.kernel.empty();
    build.kernel = options.kernel;
    build.progress = [&](int done, int total, const std::string &kernel) { bar.update(done, total, kernel); };
    return std::make_unique<LoadedKernels>(std::vector<Layer>{layer}, build);
}

// The graphics processor of the target; null where it is none.
std::unique_ptr<ComputeDevice> open_target_device(const RunOptions &options) {
    if (options.target.empty()) {
        return nullptr;
    }
    const Target target = known_target(options.target);
    return target.row->gpu ? open_compute_device(*target.row->gpu) : nullptr;
}

PlanHandle create_plan(const RunOptions &options, const Layer &layer, const halconv_kernel_set *set,
                       const ComputeDevice *device) {
    const halconv_device handle = device ? device->handle() : halconv_device{};
    halconv_options plan_options{};
    plan_options.threads = options.threads;
    plan_options.numerics = layer.numerics;
    plan_options.kernel = options.kernel.empty() ? nullptr : options.kernel.c_str();
    plan_options.device = device ? &handle : nullptr;
    halconv_plan *plan = nullptr;
    halconv_status status = halconv_plan_create(set, &layer.problem, &plan_options, &plan);
    if (status == HALCONV_NO_KERNEL && !options.kernel.empty()) {
        throw InputError(fmt::format("--kernel: no kernel for this layer and processor matches '{}'", options.kernel));
    }
    if (status != HALCONV_OK) {
        throw WorkError(fmt::format("{}: {}", layer.source, halconv_status_text(status)));
    }
    return PlanHandle(plan);
}

std::vector<float> run_plan(const Layer &layer, const halconv_plan *plan, const Operands &operands, size_t elements) {
    auto check = [&](halconv_status status) {
        if (status != HALCONV_OK) {
            throw WorkError(fmt::format("{}: {}", layer.source, halconv_status_text(status)));
        }
    };
    AlignedBytes packed = aligned_bytes(halconv_plan_weights_bytes(plan));
    AlignedBytes workspace = aligned_bytes(halconv_plan_workspace_bytes(plan));
    const float *bias = operands.bias.empty() ? nullptr : operands.bias.data();
    std::vector<float> output(elements);
    check(halconv_plan_pack(plan, operands.weights.data(), operands.layout, 0, bias, packed.get()));
    check(halconv_plan_run(plan, operands.input.data(), packed.get(), operands.residual.data(), output.data(),
                           workspace.get()));
    return output;
}

std::vector<float> run_on_device(const Layer &layer, PlanHandle plan, const Operands &operands,
                                 const ComputeDevice &device) {
    const float *bias = operands.bias.empty() ? nullptr : operands.bias.data();
    const DeviceLayer bound(
        layer.problem,
        {operands.input.data(), operands.weights.data(), bias, operands.residual.data(), operands.layout},
        std::move(plan), device);
    bound.run();
    return bound.output();
}

// `text` is the plan's description.
void print_result(const RunOptions &options, const Layer &layer, const std::string &text, const Shape &shape) {
    size_t line = text.find('\n'), next = text.find('\n', line + 1);
    std::string kernel = text.substr(0, line), reason = text.substr(line + 1, next - line - 1);
    if (options.json) {
        nlohmann::ordered_json result;
        result["name"] = layer.name;
        result["kernel"] = kernel;
        result["reason"] = reason;
        result["output_shape"] = shape;
        result["output"] = options.output;
        fmt::print("{}\n", result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        return;
    }
    fmt::print("layer   {}\nkernel  {}\nwhy     {}\noutput  {} {}\n", layer.name, kernel, reason, options.output,
               shape_text(shape));
}

}  // namespace

int run_layer(const RunOptions &options) {
    Layer layer = load_one_layer(options);
    const halconv_problem &p = layer.problem;
    Operands operands = read_operands(options, layer);
    const std::unique_ptr<ComputeDevice> device = open_target_device(options);
    std::unique_ptr<LoadedKernels> kernels = load_kernels(options, layer);
    PlanHandle plan = create_plan(options, layer, kernels ? kernels->set() : halconv_builtin_kernels(), device.get());
    const std::string text = plan_text(plan.get());
    int64_t sizes[3];
    halconv_plan_output_size(plan.get(), sizes);
    Shape shape = tensor_shape(p.out_layout, p.batch, p.out_channels, sizes, p.rank);
    if (p.residual) {
        operands.residual = read_tensor(options.residual, shape, "residual");
    }
    size_t elements = 1;
    for (int64_t extent : shape) {
        elements *= size_t(extent);
    }
    std::vector<float> output = device ? run_on_device(layer, std::move(plan), operands, *device)
                                       : run_plan(layer, plan.get(), operands, elements);
    write_npy(options.output, shape, output.data());
    print_result(options, layer, text, shape);
    return 0;
}

void add_run_command(CLI::App &program, int &status) {
    auto options = std::make_shared<RunOptions>();
    CLI::App *command = program.add_subcommand("run", "Run one layer on NumPy files");
    command->add_option("LAYER", options->layer, "LIST.jsonl#name, a layer object (.json), MODEL.onnx#node")
        ->required();
    command->add_option("--input", options->input, "Input, .npy of float32 in the layer's layout")->required();
    command->add_option("--weights", options->weights, "Weights, .npy; default: those of the ONNX model");
    command->add_option("--bias", options->bias, "Bias, .npy of shape (co,)");
    command->add_option("--residual", options->residual, "Added before the activation; .npy of the output's shape");
    command->add_option("--output", options->output, "File to write, .npy")->required();
    command->add_option("--target", options->target,
                        "Build a kernel for this target, also cuda-.. or opencl (default: the built-in set)");
    command->add_option("--kernel", options->kernel,
                        "Only a kernel whose name contains this, or matches it with * or ?");
    command->add_option("--weights-layout", options->weights_layout, "Order of the weights' axes, for any rank")
        ->check(CLI::IsMember({"oihw", "iohw", "hwio", "hwoi"}));
    command->add_option("--threads", options->threads, "Threads of the plan")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    command->add_flag("--json", options->json, "One JSON object: name, kernel, reason, output_shape, output");
    command->footer(
        "The input has shape (n, spatial.., ci) for layout nhwc and (n, ci, spatial..) for nchw. Weights are oihw for\n"
        "conv (o = co, i = ci / groups) and iohw for conv_transpose (i = ci, o = co / groups) unless --weights-layout\n"
        "says otherwise; hw stands for any number of spatial axes.");
    command->callback([options, &status] { status = run_layer(*options); });
}

}  // namespace halconv
