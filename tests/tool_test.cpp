// The program as its users meet it: exit status, the one line of an error, and what lies on the disk afterwards.
#include <algorithm>
#include <filesystem>
#include <numeric>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/onnx_builder.h"
#include "tests/program.h"
#include "tests/program_output.h"
#include "tools/npy.h"

using namespace halconv;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

using Arguments = std::vector<std::string>;

// x: 1 x 3 x 4 x 2 (nhwc), weights: 5 outputs, 2 inputs, 3 x 3, values 0, 1, 2, ..
const char kLayer[] = R"({"name": "small", "op": "conv", "ci": 2, "co": 5, "in": [3, 4], "kernel": [3, 3], )"
                      R"("pad": [[1, 1], [1, 1]]})";

std::vector<float> count_up(size_t count) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), 0.0f);
    return values;
}

struct Files {
    Scratch scratch;
    std::string layer = scratch.write("layer.json", kLayer);
    std::string x = scratch / "x.npy", w = scratch / "w.npy", y = scratch / "y.npy";

    Files() {
        write_npy(x, {1, 3, 4, 2}, count_up(24).data());
        write_npy(w, {5, 2, 3, 3}, count_up(90).data());
    }
    Arguments run(const Arguments &more) const {
        Arguments arguments = {"run", layer, "--input", x, "--weights", w, "--output", y};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    size_t count() const { return size_t(std::distance(std::filesystem::directory_iterator(scratch.path()), {})); }
};

std::string bytes_of(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("every subcommand explains itself") {
    for (const char *command : {"build", "run", "bench", "tune", "inspect", "list", "explain"}) {
        ProgramResult result = start_halconv({command, "--help"});
        CHECK(result.status == 0);
        CHECK(result.err == "");
        CHECK_THAT(result.out, Contains("--help") && Contains("Usage: halconv " + std::string(command)));
        CHECK_THAT(start_halconv({"--help"}).out, Contains(command));
    }
    CHECK(start_halconv({"--version"}).status == 0);
}

TEST_CASE("wrong usage ends with status 2 and one line") {
    Files files;
    check_error(start_halconv({}), 2, "subcommand");
    check_error(start_halconv({"compile"}), 2, "compile");
    check_error(start_halconv({"list", "--jsn"}), 2, "--jsn");
    check_error(start_halconv({"build", files.layer, "--target", "host"}), 2, "-o");
    check_error(start_halconv({"run", files.layer}), 2, "--input");
    check_error(start_halconv(files.run({"--threads", "0"})), 2, "--threads");
    check_error(start_halconv(files.run({"--weights-layout", "ohwi"})), 2, "--weights-layout");
}

TEST_CASE("wrong input ends with status 2, one line, and no output") {
    Files files;
    size_t before = files.count();
    check_error(start_halconv({"explain", files.scratch / "none.jsonl"}), 2, "none.jsonl: cannot be read");
    check_error(start_halconv(files.run({"--target", "x86-mmx"})), 2, "unknown target 'x86-mmx'");
    check_error(start_halconv(files.run({"--target", "arm-neon-ios"})), 2, "this machine cannot load its kernels");
    check_error(start_halconv({"explain", files.layer, "--target", "x86-mmx"}), 2, "unknown target 'x86-mmx'");
    check_error(start_halconv(files.run({"--kernel", "no_such_kernel"})), 2, "matches 'no_such_kernel'");
    check_error(start_halconv(files.run({"--weights-layout", "hwio"})), 2,
                "w.npy: shape (5, 2, 3, 3) where the layer's weights (hwio) needs (3, 3, 2, 5)");
    check_error(start_halconv(files.run({"--bias", files.x})), 2,
                "x.npy: shape (1, 3, 4, 2) where the layer's bias needs (5,)");
    check_error(start_halconv(files.run({"--residual", files.x})), 2, "the layer's residual needs (1, 3, 4, 5)");
    check_error(start_halconv({"run", files.layer, "--input", files.w, "--weights", files.w, "--output", files.y}), 2,
                "the layer's input (nhwc) needs (1, 3, 4, 2)");
    check_error(start_halconv({"run", files.layer, "--input", files.x, "--output", files.y}), 2,
                "--weights is required");
    check_error(start_halconv({"run", files.layer, "--input", files.x, "--weights", files.w, "--output",
                               files.scratch / "none/y.npy"}),
                2, "none/y.npy: cannot be written");
    CHECK(files.count() == before);

    std::string stride =
        files.scratch.write("stride.jsonl", std::string(kLayer, sizeof kLayer - 2) + R"(, "stride": [2, -2]})");
    check_error(start_halconv({"build", stride, "--target", "host", "-o", files.scratch / "out"}), 2,
                "stride.jsonl:1: key \"stride\" must lie between 1 and 2^31 - 1, not -2");
    std::string large = files.scratch.write(
        "large.jsonl",
        R"({"name": "a", "op": "conv", "n": 2147483647, "ci": 65536, "co": 65536, "in": [65536], "kernel": [1]})");
    check_error(start_halconv({"build", large, "--target", "host", "-o", files.scratch / "out"}), 2,
                "large.jsonl:1: layer a: too large");
    check_error(start_halconv({"build", files.layer, "--target", "x86-mmx", "-o", files.scratch / "out"}), 2,
                "unknown target");
    check_error(start_halconv({"build", files.layer, "--target", "host", "-o", files.scratch / "out", "--name", "a-b"}),
                2, "name 'a-b' is not a C identifier");
    check_error(start_halconv({"build", files.layer, "--target", "host", "-o", files.layer + "/out"}), 2, "layer.json");
    check_error(start_halconv({"build", files.layer, "--target", "host", "-o", "/proc/halconv"}), 2, "/proc/halconv");
    CHECK(files.count() == before + 2);

    std::string residual = files.scratch.write("residual.json", std::string(kLayer, sizeof kLayer - 2) +
                                                                    R"(, "epilogue": {"residual": true}})");
    check_error(start_halconv({"run", residual, "--input", files.x, "--weights", files.w, "--output", files.y}), 2,
                "residual.json:1: the layer's epilogue adds a residual; give --residual");
}

TEST_CASE("a truncated model") {
    Files files;
    OnnxBuilder builder;
    builder.input("x", {1, 2, 3, 4});
    builder.weights("w", {5, 2, 3, 3});
    builder.node("Conv", "conv", {"x", "w"}, {"y"});
    std::string good = builder.bytes(), model = files.scratch.write("m.onnx", good.substr(0, good.size() - 40));
    check_error(start_halconv({"build", model, "--target", "host", "-o", files.scratch / "out"}), 2,
                "m.onnx: not an ONNX model, or truncated");
    CHECK_FALSE(std::filesystem::exists(files.scratch / "out"));
}

TEST_CASE("run: every order of weights, layouts, bias, residual and epilogue") {
    Files files;
    REQUIRE(start_halconv(files.run({})).status == 0);
    std::vector<float> plain = read_npy(files.y).data;
    CHECK(read_npy(files.y).shape == std::vector<int64_t>{1, 3, 4, 5});
    // Output (0, 0) of channel 0: taps (1, 1), (1, 2), (2, 1), (2, 2) on pixels (0, 0), (0, 1), (1, 0), (1, 1).
    CHECK(plain[0] == 0 * 4 + 1 * 13 + 2 * 5 + 3 * 14 + 8 * 7 + 9 * 16 + 10 * 8 + 11 * 17);

    // w[o][i][y][x] in the other orders.
    auto reordered = [&](const std::vector<int64_t> &shape, auto index) {
        std::vector<float> values(90), source = count_up(90);
        for (int64_t o = 0; o < 5; o++) {
            for (int64_t i = 0; i < 2; i++) {
                for (int64_t tap = 0; tap < 9; tap++) {
                    values[size_t(index(o, i, tap))] = source[size_t((o * 2 + i) * 9 + tap)];
                }
            }
        }
        write_npy(files.w, shape, values.data());
    };
    reordered({2, 5, 3, 3}, [](int64_t o, int64_t i, int64_t tap) { return (i * 5 + o) * 9 + tap; });
    REQUIRE(start_halconv(files.run({"--weights-layout", "iohw"})).status == 0);
    CHECK(read_npy(files.y).data == plain);
    reordered({3, 3, 2, 5}, [](int64_t o, int64_t i, int64_t tap) { return (tap * 2 + i) * 5 + o; });
    REQUIRE(start_halconv(files.run({"--weights-layout", "hwio"})).status == 0);
    CHECK(read_npy(files.y).data == plain);
    reordered({3, 3, 5, 2}, [](int64_t o, int64_t i, int64_t tap) { return (tap * 5 + o) * 2 + i; });
    REQUIRE(start_halconv(files.run({"--weights-layout", "hwoi", "--threads", "2"})).status == 0);
    CHECK(read_npy(files.y).data == plain);
    write_npy(files.w, {5, 2, 3, 3}, count_up(90).data());

    // relu(conv + bias + residual), nchw out; the bias makes about half of the sums negative.
    std::string layer = files.scratch.write("relu.jsonl", "# one layer\n" + std::string(kLayer, sizeof kLayer - 2) +
                                                              R"(, "out_layout": "nchw", "epilogue": "relu"})");
    std::vector<float> bias = {-4000, -3999, -3998, -3997, -3996}, residual = count_up(60);
    write_npy(files.scratch / "b.npy", {5}, bias.data());
    write_npy(files.scratch / "r.npy", {1, 5, 3, 4}, residual.data());
    ProgramResult result =
        start_halconv({"run", layer, "--input", files.x, "--weights", files.w, "--bias", files.scratch / "b.npy",
                       "--residual", files.scratch / "r.npy", "--output", files.y, "--json"});
    REQUIRE(result.status == 0);
    CHECK(read_npy(files.y).shape == std::vector<int64_t>{1, 5, 3, 4});
    std::vector<float> expected(60);
    for (size_t c = 0; c < 5; c++) {
        for (size_t pixel = 0; pixel < 12; pixel++) {
            expected[c * 12 + pixel] = std::max(plain[pixel * 5 + c] + bias[c] + residual[c * 12 + pixel], 0.0f);
        }
    }
    CHECK(read_npy(files.y).data == expected);
    CHECK(std::count(expected.begin(), expected.end(), 0.0f) > 0);
    Json line = json_lines(result.out).at(0);
    CHECK(line["name"] == "small");
    CHECK(line["output_shape"] == Json({1, 5, 3, 4}));
    CHECK_THAT(line["kernel"].get<std::string>(), Contains("halconv_conv_f32_nhwc-nchw"));
    CHECK(line["reason"].get<std::string>() != "");
}

TEST_CASE("run: a kernel built for a target, and one forced by its name") {
    Files files;
    REQUIRE(start_halconv(files.run({})).status == 0);
    std::vector<float> plain = read_npy(files.y).data;
    ProgramResult result = start_halconv(files.run({"--target", "x86-64", "--json"}));
    REQUIRE(result.status == 0);
    CHECK(read_npy(files.y).data == plain);
    CHECK_THAT(json_lines(result.out).at(0)["kernel"].get<std::string>(),
               Contains("_i3x4_") && Contains("_on_x86-64_"));
    result = start_halconv(files.run({"--kernel", "*_on_x86-64_direct*", "--json"}));
    REQUIRE(result.status == 0);
    CHECK(read_npy(files.y).data == plain);
    CHECK_THAT(json_lines(result.out).at(0)["kernel"].get<std::string>(), Contains("_on_x86-64_direct"));
}

TEST_CASE("run: a model's node with the weights that the model holds") {
    Files files;
    OnnxBuilder builder;
    builder.input("x", {1, 2, 3, 4});
    builder.weights("w", {5, 2, 3, 3});
    OnnxBuilder::set(builder.node("Conv", "first", {"x", "w"}, {"y"}), "pads", std::vector<int64_t>{1, 1, 1, 1});
    builder.input("v", {5, 2, 1, 1});
    builder.node("Conv", "second", {"x", "v"}, {"z"});
    std::string model = files.scratch.write("m.onnx", builder.bytes());
    write_npy(files.x, {1, 2, 3, 4}, count_up(24).data());
    Arguments arguments = {"run", model + "#first", "--input", files.x, "--output", files.y};
    REQUIRE(start_halconv(arguments).status == 0);
    std::vector<float> held = read_npy(files.y).data;
    arguments.insert(arguments.end(), {"--weights", files.w});
    REQUIRE(start_halconv(arguments).status == 0);
    CHECK(read_npy(files.y).data == held);
    check_error(start_halconv({"run", model + "#second", "--input", files.x, "--output", files.y}), 2,
                "node second: the model does not hold this node's weights");
    check_error(start_halconv({"run", model, "--input", files.x, "--output", files.y}), 2,
                "holds 2 layers; choose one");
}

TEST_CASE("build writes three files, the same bytes each time") {
    Files files;
    std::string first = files.scratch / "first", second = files.scratch / "deep/second";
    ProgramResult result = start_halconv({"build", files.layer, "--target", "host", "--target", "x86-64", "-o", first});
    INFO(result.err);
    REQUIRE(result.status == 0);
    CHECK(result.err == "");
    CHECK_THAT(result.out, Contains("first/liblayer.a: 1 layers, ") && Contains(" MB of code for host x86-64"));
    REQUIRE(start_halconv({"build", files.layer, "--target", "host", "--target", "x86-64", "-o", second, "--jobs", "1"})
                .status == 0);
    CHECK(std::distance(std::filesystem::directory_iterator(first), {}) == 3);
    for (const char *file : {"/liblayer.a", "/layer.h", "/layer.json"}) {
        CHECK(bytes_of(first + file) != "");
        CHECK(bytes_of(first + file) == bytes_of(second + file));
    }
    CHECK_THAT(bytes_of(first + "/layer.h"), Contains("const halconv_kernel_set *layer_kernels(void)"));
    for (const Json &kernel : Json::parse(bytes_of(first + "/layer.json"))) {
        for (const char *key : {"name", "key", "target", "form", "schedule", "code_bytes", "halide_version"}) {
            CHECK(kernel.contains(key));
        }
    }
}

TEST_CASE("list names targets, forms and the built-in kernels") {
    int targets = 0, hosts = 0, forms = 0, kernels = 0;
    for (const Json &line : json_lines(start_halconv({"list", "--json"}).out)) {
        targets += line.contains("target");
        hosts += line.contains("target") && line["host"] == true;
        forms += line.contains("operations");
        kernels += line.contains("kernel");
    }
    CHECK(targets >= 3);
    CHECK(hosts == 1);
    CHECK(forms == 9);
    CHECK(kernels > 20);
    CHECK_THAT(start_halconv({"list"}).out,
               Contains("x86-avx512") && Contains("row_fused") && Contains("halconv_conv_f32"));
}

TEST_CASE("explain says sizes, phases, counts, matrix, pattern and kernels") {
    Files files;
    std::string layer = files.scratch.write(
        "up.json", R"({"name": "up", "op": "conv_transpose", "ci": 2, "co": 3, "in": [5, 5], "kernel": [3, 3], )"
                   R"("stride": [2, 2], "pad": "SAME"})");
    ProgramResult text = start_halconv({"explain", layer});
    REQUIRE(text.status == 0);
    CHECK_THAT(text.out, Contains("5 x 5 -> 3 channels, 10 x 10"));
    CHECK_THAT(text.out, Contains("phase 0        5 outputs   y = w[0] * x[b] + w[2] * x[b-1]"));
    CHECK_THAT(text.out, Contains("[ w0 w1 w2  .  .  .  .  .  .  . ]"));
    CHECK_THAT(text.out, Contains("Checkerboard: outputs add up different numbers of products"));
    CHECK_THAT(text.out, Contains("4   2   4   2"));
    ProgramResult json = start_halconv({"explain", layer, "--json"});
    REQUIRE(json.status == 0);
    Json line = json_lines(json.out).at(0);
    CHECK(line["output_size"] == Json({10, 10}));
    CHECK(line["axes"][0]["pad"] == Json({0, 1}));
    CHECK(line["axes"][1]["phases"][0]["taps"] == Json({0, 2}));
    CHECK(line["axes"][1]["phases"][0]["inputs"] == Json({0, -1}));
    CHECK(line["multiplications"]["zero_insertion"] == 2 * 3 * 30 * 30);
    CHECK(line["multiplications"]["gemm_col2im"] == 2 * 3 * 15 * 15);
    CHECK(line["multiplications"]["useful"] == 2 * 3 * 14 * 14);
    CHECK(line["uneven_phases"] == true);
    CHECK(line["candidates"].size() >= 1);
    CHECK_THAT(line["choice"]["kernel"].get<std::string>(), Contains("halconv_conv_transpose_f32_nhwc"));
    CHECK(start_halconv({"explain", files.layer}).status == 0);
}
