#include "tools/explain.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/core/problem.h"
#include "tools/build.h"
#include "tools/explain_arithmetic.h"
#include "tools/layer.h"
#include "tools/plan_handle.h"
#include "tools/problem_text.h"

namespace halconv {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMostMatrix = 16;    // rows and columns of a matrix that is printed
constexpr size_t kMostCandidates = 6;  // that are printed as text
constexpr int64_t kMapSize = 8;        // outputs of a checkerboard's map, per axis

struct Choice {
    std::string kernel, reason;  // both empty where no kernel serves the layer
};

// What `set` chooses for the layer on this machine.
Choice choose_kernel(const halconv_kernel_set *set, const Layer &layer) {
    halconv_options options{};
    options.numerics = layer.numerics;
    halconv_plan *made = nullptr;
    halconv_status status = halconv_plan_create(set, &layer.problem, &options, &made);
    PlanHandle plan(made);
    if (status != HALCONV_OK) {
        return {"", halconv_status_text(status)};
    }
    std::string text = plan_text(plan.get());
    size_t line = text.find('\n');
    return {text.substr(0, line), text.substr(line + 1, text.find('\n', line + 1) - line - 1)};
}

std::string sizes_text(const halconv_problem &p, const int64_t *sizes) {
    return fmt::format("{}", fmt::join(sizes, sizes + p.rank, " x "));
}

const char *axis_name(const halconv_problem &p, size_t a) {
    static const char *const kNames[] = {"z", "y", "x"};
    return kNames[size_t(3 - p.rank) + a];
}

bool is_transposed(const halconv_problem &p) { return p.op == HALCONV_CONV_TRANSPOSE; }

void print_sizes(const Layer &layer, const Explanation &e, const int64_t *out) {
    const halconv_problem &p = layer.problem;
    fmt::print("{}: {} of {} batch {}, {} channels, {} -> {} channels, {}{}\n\n", layer.name, word_of(kOpWords, p.op),
               p.rank == 1   ? "sequences"
               : p.rank == 2 ? "images"
                             : "volumes",
               p.batch, p.in_channels, sizes_text(p, p.in), p.out_channels, sizes_text(p, out),
               p.groups > 1 ? fmt::format(", {} groups", p.groups) : "");
    fmt::print("Sizes.  The one relation of both operations, for each axis:\n"
               "            high = low * stride + tap * dilation - pad_before\n");
    if (is_transposed(p)) {
        fmt::print("        conv_transpose reads low and writes high:\n"
                   "            out = (in - 1) * stride + span - pad_before - pad_after + output_padding\n");
    } else {
        fmt::print("        conv reads high and writes low:\n"
                   "            out = floor((in + pad_before + pad_after - span) / stride) + 1\n");
    }
    fmt::print("        where span = dilation * (kernel - 1) + 1.\n\n"
               "        axis      in  kernel  stride  dilation  span  pad_before  pad_after  output_padding     out\n");
    for (size_t a = 0; a < e.axes.size(); a++) {
        const AxisExplanation &x = e.axes[a];
        fmt::print("        {:<4} {:>7} {:>7} {:>7} {:>9} {:>5} {:>11} {:>10} {:>15} {:>7}\n", axis_name(p, a), x.in,
                   x.axis.kernel, x.axis.stride, x.axis.dilation, kernel_span(x.axis), x.axis.pad_before, x.pad_after,
                   x.output_padding, x.out);
    }
}

std::string input_text(int64_t offset) { return offset == 0 ? "b" : fmt::format("b{:+}", offset); }

void print_phases(const halconv_problem &p, const Explanation &e) {
    fmt::print(
        "\nPhases. With u = output + pad_before, an output belongs to phase r = u mod stride and has b = u div "
        "stride.\n"
        "        Only every stride-th tap meets an input; the others would meet the zeros between the inputs.\n");
    for (size_t a = 0; a < e.axes.size(); a++) {
        const AxisExplanation &x = e.axes[a];
        fmt::print("\n        axis {}:\n", axis_name(p, a));
        for (const PhaseTaps &phase : x.phases) {
            std::string terms;
            for (size_t m = 0; m < phase.taps.size() && m < size_t(kMostMatrix); m++) {
                terms += fmt::format("{}w[{}] * x[{}]", m ? " + " : "", phase.taps[m], input_text(phase.inputs[m]));
            }
            terms += phase.taps.size() > size_t(kMostMatrix) ? " + .." : "";
            fmt::print("            phase {:<3} {:>6} outputs   y = {}\n", phase.phase, phase.outputs,
                       terms.empty() ? "nothing but the bias: no tap reaches it" : terms);
        }
        if (int64_t(x.phases.size()) < std::min(x.axis.stride, x.out)) {
            fmt::print("            and {} phases more\n", std::min(x.axis.stride, x.out) - int64_t(x.phases.size()));
        }
    }
}

void print_methods(const Explanation &e) {
    fmt::print("\nMultiplications of the whole layer, by method:\n\n");
    double useful = double(e.methods[0].multiplications);
    for (const MethodCount &method : e.methods) {
        double ratio = useful > 0 ? double(method.multiplications) / useful : 0;
        fmt::print("        {:<15} {:>18}  x{:<7.3g} {}\n", method.method, method.multiplications, ratio, method.why);
    }
}

// One row of letters: C[low][high], or its transpose.
void print_matrix(const AxisExplanation &x, bool transpose) {
    std::vector<int64_t> matrix = axis_matrix(x);
    int64_t rows = transpose ? x.high : x.low, columns = transpose ? x.low : x.high;
    size_t width = fmt::format("w{}", x.axis.kernel - 1).size();
    for (int64_t row = 0; row < rows; row++) {
        std::string line;
        for (int64_t column = 0; column < columns; column++) {
            int64_t tap = transpose ? matrix[size_t(column * x.high + row)] : matrix[size_t(row * x.high + column)];
            line += fmt::format(" {:>{}}", tap == kNoTap ? "." : fmt::format("w{}", tap), width);
        }
        fmt::print("            [{} ]\n", line);
    }
}

void print_matrices(const halconv_problem &p, const Explanation &e) {
    const AxisExplanation &x = e.axes.back();
    double density = 100.0 * double(matrix_entries(x)) / (double(x.low) * double(x.high));
    fmt::print(
        "\nMatrix. On axis {} and one channel the layer is a matrix: conv y = C x, conv_transpose y = C' x (C' is C\n"
        "        transposed). C has {} rows (low) and {} columns (high), {:.3g}% of them not zero.\n",
        axis_name(p, e.axes.size() - 1), x.low, x.high, density);
    AxisExplanation shown = shrunk_axis(x, p.op, kMostMatrix);
    if (shown.in == 0 || std::max(shown.low, shown.high) > kMostMatrix) {
        return;
    }
    std::string size = shown.in == x.in ? "" : fmt::format(", here with an input of {} instead of {}", shown.in, x.in);
    fmt::print("\n        C{}:\n", size);
    print_matrix(shown, false);
    fmt::print("\n        C'{}:\n",
               is_transposed(p) ? ", the matrix of this layer" : ", of the conv_transpose that undoes the sizes");
    print_matrix(shown, true);
}

// The number of taps that the outputs near the origin receive, the last two axes against each other.
void print_map(const Explanation &e) {
    const AxisExplanation &y = e.axes[e.axes.size() - 2], &x = e.axes.back();
    auto taps = [](const AxisExplanation &axis, int64_t o) {
        return int64_t(axis.phases[size_t(o % axis.axis.stride)].taps.size());
    };
    if (int64_t(x.phases.size()) < std::min(x.axis.stride, x.out) ||
        int64_t(y.phases.size()) < std::min(y.axis.stride, y.out)) {
        return;
    }
    fmt::print("        Products per output, of the first outputs and away from the input's edge:\n\n");
    for (int64_t oy = 0; oy < std::min(kMapSize, y.out); oy++) {
        std::string line;
        for (int64_t ox = 0; ox < std::min(kMapSize, x.out); ox++) {
            line += fmt::format(" {:>3}", taps(y, oy) * taps(x, ox));
        }
        fmt::print("            {}\n", line);
    }
    fmt::print("\n");
}

bool is_uneven(const Explanation &e) {
    return std::any_of(e.axes.begin(), e.axes.end(), [](const AxisExplanation &x) { return x.uneven(); });
}

void print_checkerboard(const halconv_problem &p, const Explanation &e) {
    bool strided =
        std::any_of(e.axes.begin(), e.axes.end(), [](const AxisExplanation &x) { return x.axis.stride > 1; });
    if (!strided) {
        return;
    }
    if (!is_uneven(e)) {
        fmt::print("\nCheckerboard: none. Every output away from the edges adds up equally many products.\n");
        return;
    }
    fmt::print("\nCheckerboard: outputs add up different numbers of products, which paints a pattern into them.\n");
    for (size_t a = 0; a < e.axes.size(); a++) {
        const AxisExplanation &x = e.axes[a];
        if (x.uneven()) {
            const char *why =
                x.axis.dilation == 1 ? "stride does not divide kernel" : "stride and dilation leave taps uneven";
            fmt::print("        axis {}: from {} to {} taps, as {}\n", axis_name(p, a), x.fewest_taps, x.most_taps,
                       why);
        }
    }
    fmt::print("\n");
    if (e.axes.size() >= 2) {
        print_map(e);
    }
    fmt::print(
        "        A kernel that is a multiple of the stride (dilation 1) removes it, as does up-sampling (nearest or\n"
        "        bilinear) followed by a convolution of stride 1 (Odena, Dumoulin and Olah, 2016).\n");
}

void print_kernels(const ExplainOptions &options, const std::vector<CandidateSummary> &candidates,
                   const Choice &choice) {
    fmt::print("\nKernels for target {}, best first by the analytic model:\n\n", options.target);
    for (size_t i = 0; i < std::min(candidates.size(), kMostCandidates); i++) {
        const CandidateSummary &c = candidates[i];
        fmt::print("        {}\n            {}; predicted {:.0f}% of the multiply-add peak\n", c.kernel, c.schedule,
                   c.predicted_percent);
    }
    if (candidates.size() > kMostCandidates) {
        fmt::print("        and {} more (--json lists all)\n", candidates.size() - kMostCandidates);
    }
    fmt::print("\nThe built-in set on this machine chooses:\n\n        {}\n            {}\n",
               choice.kernel.empty() ? "nothing" : choice.kernel, choice.reason);
}

Json axis_json(const AxisExplanation &x) {
    Json axis;
    axis["in"] = x.in;
    axis["out"] = x.out;
    axis["kernel"] = x.axis.kernel;
    axis["stride"] = x.axis.stride;
    axis["dilation"] = x.axis.dilation;
    axis["span"] = kernel_span(x.axis);
    axis["pad"] = {x.axis.pad_before, x.pad_after};
    axis["output_padding"] = x.output_padding;
    axis["phases"] = Json::array();
    for (const PhaseTaps &phase : x.phases) {
        axis["phases"].push_back(
            {{"phase", phase.phase}, {"outputs", phase.outputs}, {"taps", phase.taps}, {"inputs", phase.inputs}});
    }
    Json matrix = {{"rows", x.low}, {"columns", x.high}, {"entries", matrix_entries(x)}};
    if (std::max(x.low, x.high) <= kMostMatrix) {
        std::vector<int64_t> cells = axis_matrix(x);
        for (int64_t low = 0; low < x.low; low++) {
            auto row = cells.begin() + low * x.high;
            matrix["taps"].push_back(std::vector<int64_t>(row, row + x.high));
        }
    }
    axis["matrix"] = matrix;
    return axis;
}

void print_json(const Layer &layer, const Explanation &e, const std::vector<CandidateSummary> &candidates,
                const Choice &choice) {
    Json result;
    result["name"] = layer.name;
    result["op"] = word_of(kOpWords, layer.problem.op);
    result["layer"] = Json::parse(layer_json(layer));
    for (const AxisExplanation &x : e.axes) {
        result["output_size"].push_back(x.out);
    }
    for (const AxisExplanation &x : e.axes) {
        result["axes"].push_back(axis_json(x));
    }
    for (const MethodCount &method : e.methods) {
        result["multiplications"][method.method] = method.multiplications;
    }
    result["uneven_phases"] = is_uneven(e);
    result["candidates"] = Json::array();
    for (const CandidateSummary &c : candidates) {
        result["candidates"].push_back({{"kernel", c.kernel},
                                        {"form", c.form},
                                        {"schedule", c.schedule},
                                        {"predicted_percent_of_peak", c.predicted_percent}});
    }
    result["choice"] = {{"kernel", choice.kernel}, {"reason", choice.reason}};
    fmt::print("{}\n", result.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

int explain_layer(const ExplainOptions &options) {
    Layer layer =
        load_layer(options.layer, [](const std::string &remark) { fmt::print(stderr, "halconv: {}\n", remark); });
    int64_t out[3];
    check_problem(layer.problem, out);
    Explanation e = explain_problem(layer.problem, out);
    std::vector<CandidateSummary> candidates = layer_candidates(layer, options.target);
    Choice choice = choose_kernel(halconv_builtin_kernels(), layer);
    if (options.json) {
        print_json(layer, e, candidates, choice);
        return 0;
    }
    print_sizes(layer, e, out);
    if (is_transposed(layer.problem)) {
        print_phases(layer.problem, e);
    }
    print_methods(e);
    print_matrices(layer.problem, e);
    if (is_transposed(layer.problem)) {
        print_checkerboard(layer.problem, e);
    }
    print_kernels(options, candidates, choice);
    return 0;
}

void add_explain_command(CLI::App &program, int &status) {
    auto options = std::make_shared<ExplainOptions>();
    CLI::App *command = program.add_subcommand("explain", "Say what a layer computes, and by which kernels");
    command->add_option("LAYER", options->layer, "LIST.jsonl#name, a layer object (.json), MODEL.onnx#node")
        ->required();
    command->add_option("--target", options->target, "Target of the candidate kernels")->capture_default_str();
    command->add_flag("--json", options->json, "One JSON object with every phase, count and candidate");
    command->footer(
        "Prints the output's size, the padding in numbers, the phases of a transposed convolution, the\n"
        "multiplications that each method needs, the matrix of a one-dimensional slice, whether the stride\n"
        "paints a checkerboard, the candidate kernels, and the built-in kernel that would run it.");
    command->callback([options, &status] { status = explain_layer(*options); });
}

}  // namespace halconv
