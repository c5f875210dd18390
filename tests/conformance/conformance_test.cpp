// External truth: node tests and networks of the onnx package, as make_cases.py wrote them into HALCONV_TEST_CASES.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/program.h"
#include "tests/reference.h"
#include "tests/sampled.h"
#include "tools/build.h"
#include "tools/npy.h"
#include "tools/onnx_import.h"
#include "tools/onnx_model.h"

using namespace halconv;
using Catch::Matchers::Contains;

namespace {

const std::string kCases = HALCONV_TEST_CASES;

std::vector<std::string> node_cases() {
    std::ifstream list(kCases + "/cases.txt");
    std::vector<std::string> names;
    for (std::string name; std::getline(list, name);) {
        names.push_back(name);
    }
    INFO(kCases << " is made by the target conformance_cases");
    REQUIRE(names.size() >= 45);
    return names;
}

std::vector<std::string> models(const std::string &folder) {
    std::vector<std::string> paths;
    for (const auto &entry : std::filesystem::directory_iterator(kCases + "/" + folder)) {
        paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

const Remark kNoRemark = [](const std::string &text) { FAIL(text); };

struct NodeCase {
    OnnxLayer node;
    std::vector<float> x, w, b, expected;
};

NodeCase load_case(const std::string &folder) {
    NodeCase c;
    std::vector<OnnxLayer> imported = import_onnx(folder + "/model.onnx", kNoRemark, OnnxValues::kRead);
    REQUIRE(imported.size() == 1);
    c.node = imported[0];
    auto given = [&](const char *file, std::vector<float> held) {
        return std::filesystem::exists(folder + file) ? read_npy(folder + file).data : held;
    };
    c.x = read_npy(folder + "/x.npy").data;
    c.w = given("/w.npy", c.node.weights);
    c.b = given("/b.npy", c.node.bias);
    c.expected = read_npy(folder + "/y.npy").data;
    return c;
}

std::vector<float> magnitudes(std::vector<float> values) {
    for (float &value : values) {
        value = std::fabs(value);
    }
    return values;
}

// A sum of k terms in f32 differs from the exact one by at most k * u / (1 - k * u) * sum |terms|, u = 2^-24 (Higham,
// "Accuracy and Stability of Numerical Algorithms", section 3.1). Both results are such sums, of at most
// (in_channels / groups) * taps products and a bias.
void check_close(const NodeCase &c, const std::vector<float> &actual) {
    const halconv_problem &p = c.node.layer.problem;
    double terms = 1 + double(p.in_channels / p.groups);
    for (int a = 0; a < p.rank; a++) {
        terms *= double(p.kernel[a]);
    }
    constexpr double kUnit = FLT_EPSILON / 2;
    double gamma = terms * kUnit / (1 - terms * kUnit);
    std::vector<float> x = magnitudes(c.x), w = magnitudes(c.w), b = magnitudes(c.b);
    std::vector<double> sums;
    reference_run(p, x.data(), w.data(), b.empty() ? nullptr : b.data(), nullptr, sums);
    REQUIRE(actual.size() == c.expected.size());
    REQUIRE(actual.size() == sums.size());
    size_t wrong = 0;
    for (size_t i = 0; i < actual.size(); i++) {
        bool close = std::fabs(double(actual[i]) - double(c.expected[i])) <= 2 * gamma * sums[i];
        wrong += !close;
    }
    CHECK(wrong == 0);
}

// A layer without its name, to tell whether two are the same problem.
std::string problem_text(Layer layer) {
    layer.name = "layer";
    return layer_json(layer);
}

BuildOptions host_build() {
    BuildOptions options;
    options.targets = {"host"};
    return options;
}

}  // namespace

TEST_CASE("node tests through halconv run, with the built-in kernels") {
    for (const std::string &name : node_cases()) {
        INFO(name);
        std::string folder = kCases + "/node/" + name;
        Scratch scratch;
        std::vector<std::string> arguments = {"run",      folder + "/model.onnx", "--input", folder + "/x.npy",
                                              "--output", scratch / "y.npy"};
        for (const char *operand : {"w", "b"}) {
            if (std::string file = folder + "/" + operand + ".npy"; std::filesystem::exists(file)) {
                arguments.insert(arguments.end(), {operand[0] == 'w' ? "--weights" : "--bias", file});
            }
        }
        ProgramResult result = start_halconv(arguments);
        CHECK(result.err == "");
        REQUIRE(result.status == 0);
        CHECK(read_npy(scratch / "y.npy").shape == read_npy(folder + "/y.npy").shape);
        check_close(load_case(folder), read_npy(scratch / "y.npy").data);
    }
}

TEST_CASE("node tests with kernels built for them") {
    std::vector<NodeCase> cases;
    std::vector<Layer> layers;
    for (const std::string &name : node_cases()) {
        cases.push_back(load_case(kCases + "/node/" + name));
        layers.push_back(cases.back().node.layer);
    }
    LoadedKernels kernels(layers, host_build());
    for (const NodeCase &c : cases) {
        INFO(c.node.layer.source);
        KernelCase call;
        call.problem = c.node.layer.problem;
        call.bias = !c.b.empty();
        call.weights_layout = call.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
        check_close(c, run_layer(kernels.set(), nullptr, call, {c.x, c.w, c.b, {}}));
    }
}

TEST_CASE("other convolutions of the onnx package are refused with their operator's name") {
    std::vector<std::string> refused = models("other");
    REQUIRE(refused.size() >= 5);
    for (const std::string &path : refused) {
        ProgramResult result = start_halconv({"explain", path});
        INFO(path << ": " << result.err);
        CHECK(result.status == 2);
        CHECK(result.out == "");
        CHECK_THAT(result.err, Contains(": skipped: operator ") && Contains(" is not supported\n"));
        CHECK_THAT(result.err, Contains("no Conv or ConvTranspose node can be imported\n"));
    }
}

TEST_CASE("every convolution of the light networks is imported, built and exact") {
    // Beyond this the plain loops take too long, and points are compared instead.
    constexpr int64_t kMostMultiplications = 10'000'000;
    constexpr int kPoints = 200;
    std::vector<Layer> layers;
    std::set<std::string> problems;
    std::vector<std::string> networks = models("light");
    REQUIRE(networks.size() == 9);
    for (const std::string &path : networks) {
        INFO(path);
        std::vector<OnnxLayer> imported = import_onnx(path, kNoRemark, OnnxValues::kSkip);
        onnx::ModelProto model = read_onnx_model(path);
        CHECK(std::count_if(model.graph().node().begin(), model.graph().node().end(), [](const onnx::NodeProto &node) {
                  return node.op_type() == "Conv";
              }) == int64_t(imported.size()));
        for (OnnxLayer &node : imported) {
            if (problems.insert(problem_text(node.layer)).second) {
                layers.push_back(node.layer);
            }
        }
    }
    CHECK(layers.size() > 150);
    LoadedKernels kernels(layers, host_build());
    for (size_t i = 0; i < layers.size(); i++) {
        INFO(layers[i].source << ": " << layer_json(layers[i]));
        KernelCase c;
        c.problem = layers[i].problem;
        c.bias = true;
        c.seed = uint32_t(i + 1);
        if (multiplications(c.problem) <= kMostMultiplications) {
            CaseResult result = run_case(kernels.set(), nullptr, c);
            CHECK(result.accepted);
            CHECK(result.failure == "");
        } else {
            Operands operands = make_operands(c);
            std::vector<float> y = run_layer(kernels.set(), nullptr, c, operands);
            CHECK(sampled_failure(c, operands, y, kPoints) == "");
        }
    }
}
