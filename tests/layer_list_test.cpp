#include <algorithm>

#include "tests/catch.h"
#include "tests/scratch.h"
#include "tools/layer.h"

using namespace halconv;
using Catch::Matchers::Contains;

namespace {

const Remark kNoRemark = [](const std::string &text) { FAIL(text); };

std::vector<Layer> load(const std::string &argument) { return load_layers({argument}, kNoRemark); }

// The required keys of a 2-D layer, open at the end.
std::string object(const std::string &op, const std::string &rest) {
    return R"({"name": "a", "op": ")" + op + R"(", "ci": 4, "co": 6, "in": [8, 9], "kernel": [3, 5])" + rest + "}";
}

halconv_problem problem_of(const Scratch &scratch, const std::string &text) {
    return load(scratch.write("list.jsonl", text)).at(0).problem;
}

std::string failure(const Scratch &scratch, const std::string &text) {
    try {
        load(scratch.write("list.jsonl", text));
    } catch (const InputError &error) {
        return error.what();
    }
    return "no error";
}

std::vector<int64_t> first(const int64_t *values, int count) { return std::vector<int64_t>(values, values + count); }

}  // namespace

TEST_CASE("keys that are left out have the documented defaults") {
    Scratch scratch;
    std::vector<Layer> layers = load(scratch.write("list.jsonl", "# comment\n\n" + object("conv", "") + "\n"));
    REQUIRE(layers.size() == 1);
    CHECK(layers[0].name == "a");
    CHECK(layers[0].source == scratch / "list.jsonl:3");
    CHECK(layers[0].numerics == HALCONV_DEFAULT);
    const halconv_problem &p = layers[0].problem;
    CHECK(p.op == HALCONV_CONV);
    CHECK(p.rank == 2);
    CHECK(p.batch == 1);
    CHECK(p.groups == 1);
    CHECK(p.in_channels == 4);
    CHECK(p.out_channels == 6);
    CHECK(first(p.in, 2) == std::vector<int64_t>{8, 9});
    CHECK(first(p.kernel, 2) == std::vector<int64_t>{3, 5});
    CHECK(first(p.stride, 2) == std::vector<int64_t>{1, 1});
    CHECK(first(p.dilation, 2) == std::vector<int64_t>{1, 1});
    CHECK(first(p.pad_before, 2) == std::vector<int64_t>{0, 0});
    CHECK(first(p.pad_after, 2) == std::vector<int64_t>{0, 0});
    CHECK(p.in_layout == HALCONV_NHWC);
    CHECK(p.out_layout == HALCONV_NHWC);
    CHECK(p.activation == HALCONV_LINEAR);
    CHECK(p.residual == 0);
}

TEST_CASE("every key is read") {
    Scratch scratch;
    Layer layer =
        load(scratch.write("list.jsonl", object("conv_transpose", R"(, "n": 2, "groups": 2, "stride": [2, 3],)"
                                                                  R"( "dilation": [1, 2], "pad": [[1, -2], [0, 3]],)"
                                                                  R"( "output_padding": [1, 2], "dtype": "f32",)"
                                                                  R"( "layout": "nchw", "out_layout": "nhwc",)"
                                                                  R"( "numerics": "strict", "resize": "none")")))
            .at(0);
    const halconv_problem &p = layer.problem;
    CHECK(layer.numerics == HALCONV_STRICT);
    CHECK(p.op == HALCONV_CONV_TRANSPOSE);
    CHECK(p.batch == 2);
    CHECK(p.groups == 2);
    CHECK(first(p.stride, 2) == std::vector<int64_t>{2, 3});
    CHECK(first(p.dilation, 2) == std::vector<int64_t>{1, 2});
    CHECK(first(p.pad_before, 2) == std::vector<int64_t>{1, 0});
    CHECK(first(p.pad_after, 2) == std::vector<int64_t>{-2, 3});
    CHECK(first(p.output_padding, 2) == std::vector<int64_t>{1, 2});
    CHECK(p.in_layout == HALCONV_NCHW);
    CHECK(p.out_layout == HALCONV_NHWC);
}

TEST_CASE("an object may not span lines of a list, but those of a .json file") {
    Scratch scratch;
    std::string text = "{\"name\": \"a\", \"op\": \"conv\",\n \"ci\": 1, \"co\": 1, \"in\": [4],\n \"kernel\": [3]}\n";
    CHECK_THAT(failure(scratch, text), Contains("list.jsonl:1: not valid JSON"));
    std::vector<Layer> layers = load(scratch.write("layer.json", text));
    REQUIRE(layers.size() == 1);
    CHECK(layers[0].problem.rank == 1);
    std::string wrong = text;
    wrong.replace(wrong.find("[3]"), 3, "[-3]");
    CHECK_THROWS_WITH(load(scratch.write("layer.json", wrong)), Contains("layer.json:3: key \"kernel\""));
}

TEST_CASE("padding words and output_shape become numbers") {
    Scratch scratch;
    const struct {
        const char *op, *keys;
        std::vector<int64_t> before, after, output_padding;
    } cases[] = {
        {"conv", R"(, "stride": [2, 2], "pad": "SAME")", {0, 2}, {1, 2}, {0, 0}},
        {"conv", R"(, "stride": [2, 2], "pad": "SAME_LOWER")", {1, 2}, {0, 2}, {0, 0}},
        {"conv", R"(, "pad": "VALID")", {0, 0}, {0, 0}, {0, 0}},
        {"conv", R"(, "pad": "full")", {2, 4}, {2, 4}, {0, 0}},
        {"conv", R"(, "pad": "half", "dilation": [2, 1])", {2, 2}, {2, 2}, {0, 0}},
        {"conv_transpose",
         R"(, "stride": [2, 2], "pad": [[1, 1], [2, 2]], "output_shape": [16, 18])",
         {1, 2},
         {1, 2},
         {1, 1}},
        {"conv_transpose", R"(, "stride": [2, 2], "pad": "SAME_UPPER")", {0, 1}, {1, 2}, {0, 0}},
    };
    for (const auto &c : cases) {
        INFO(c.op << c.keys);
        halconv_problem p = problem_of(scratch, object(c.op, c.keys));
        CHECK(first(p.pad_before, 2) == c.before);
        CHECK(first(p.pad_after, 2) == c.after);
        CHECK(first(p.output_padding, 2) == c.output_padding);
    }
}

TEST_CASE("epilogues") {
    Scratch scratch;
    const struct {
        const char *json;
        halconv_activation activation;
        float alpha, beta;
        int32_t residual;
    } cases[] = {
        {R"("relu")", HALCONV_RELU, 0, 0, 0},
        {R"("leaky_relu")", HALCONV_LEAKY_RELU, 0.01f, 0, 0},
        {R"("relu6")", HALCONV_CLAMP, 0, 6, 0},
        {R"({"activation": "leaky_relu", "alpha": 0.2, "residual": true})", HALCONV_LEAKY_RELU, 0.2f, 0, 1},
        {R"({"activation": "clamp", "alpha": -1, "beta": 2})", HALCONV_CLAMP, -1, 2, 0},
        {R"({"residual": true})", HALCONV_LINEAR, 0, 0, 1},
        {R"({"activation": "gelu", "residual": false})", HALCONV_GELU, 0, 0, 0},
    };
    for (const auto &c : cases) {
        INFO(c.json);
        halconv_problem p = problem_of(scratch, object("conv", std::string(R"(, "epilogue": )") + c.json));
        CHECK(p.activation == c.activation);
        CHECK(p.alpha == c.alpha);
        CHECK(p.beta == c.beta);
        CHECK(p.residual == c.residual);
    }
}

TEST_CASE("layouts may be spelled for the rank") {
    Scratch scratch;
    auto layout = [&](const char *in, const char *kernel, const char *word) {
        return problem_of(scratch, std::string(R"({"name": "a", "op": "conv", "ci": 1, "co": 1, "in": )") + in +
                                       R"(, "kernel": )" + kernel + R"(, "layout": ")" + word + "\"}")
            .in_layout;
    };
    CHECK(layout("[4]", "[1]", "ncw") == HALCONV_NCHW);
    CHECK(layout("[4, 4]", "[1, 1]", "nchw") == HALCONV_NCHW);
    CHECK(layout("[4, 4, 4]", "[1, 1, 1]", "ncdhw") == HALCONV_NCHW);
    CHECK(layout("[4, 4, 4]", "[1, 1, 1]", "nhwc") == HALCONV_NHWC);
    CHECK_THROWS_WITH(layout("[4]", "[1]", "ndhwc"), Contains("key \"layout\" \"ndhwc\" is not supported for rank 1"));
}

TEST_CASE("a mistake is named with file, line and key") {
    Scratch scratch;
    const struct {
        std::string text;
        const char *message;
    } cases[] = {
        {"not json", "list.jsonl:1: not valid JSON at column 2"},
        {"[1]", "list.jsonl:1: a layer is a JSON object, not array"},
        {"", "list.jsonl: holds no layer"},
        {"# only a comment\n", "list.jsonl: holds no layer"},
        {object("conv", R"(, "strides": [1, 1])"), ":1: key \"strides\" is unknown; known are ci, co, dilation"},
        {object("conv", R"(, "n": 1, "n": 2)"), ":1: key \"n\" appears twice"},
        {R"({"name": "a", "op": "conv", "ci": 1, "in": [4], "kernel": [3]})", ":1: key \"co\" is missing"},
        {R"({"op": "conv"})", ":1: key \"name\" is missing"},
        {R"({"name": 3})", ":1: key \"name\" must be text, not number"},
        {R"({"name": ""})", ":1: key \"name\" must not be empty"},
        {object("deconv", ""), ":1: key \"op\" \"deconv\" is not supported; it can be: conv, conv_transpose"},
        {object("conv", R"(, "stride": [2, -1])"), ":1: key \"stride\" must lie between 1 and 2^31 - 1, not -1"},
        {object("conv", R"(, "stride": [2])"),
         ":1: key \"stride\" must be an array of 2 integers, one an axis of \"in\", not of 1"},
        {object("conv", R"(, "stride": 2)"),
         ":1: key \"stride\" must be an array of 2 integers, one an axis of \"in\", not number"},
        {object("conv", R"(, "stride": [1.5, 1])"), ":1: key \"stride\" must hold integers only, not 1.5"},
        {object("conv", R"(, "dilation": ["1", 1])"), ":1: key \"dilation\" must hold integers only, not string"},
        {object("conv", R"(, "n": 99999999999999999999)"), ":1: key \"n\" must hold integers only, not 1e+20"},
        {object("conv", R"(, "n": 18446744073709551615)"), ":1: key \"n\" is too large: 18446744073709551615"},
        {object("conv", R"(, "n": 2147483648)"), ":1: key \"n\" must lie between 1 and 2^31 - 1"},
        {object("conv", R"(, "n": "1")"), ":1: key \"n\" must be an integer, not string"},
        {object("conv", R"(, "groups": 4)"), ":1: layer a: \"groups\" 4 must divide \"ci\" 4 and \"co\" 6"},
        {object("conv", R"(, "pad": "Same")"),
         ":1: key \"pad\" \"Same\" is not a padding word; words are: SAME, VALID"},
        {object("conv", R"(, "pad": 1)"),
         ":1: key \"pad\" must be an array of 2 pairs [before, after], one an axis, not number"},
        {object("conv", R"(, "pad": [1, 1])"),
         ":1: key \"pad\" must be an array of 2 integers [before, after], not number"},
        {object("conv", R"(, "output_padding": [1, 0])"), ":1: key \"output_padding\" on axis 0: "},
        {object("conv", R"(, "output_shape": [9, 9])"), ":1: key \"output_shape\" on axis 0: "},
        {object("conv_transpose", R"(, "output_padding": [0, 1])"), ":1: key \"output_padding\" on axis 1: "},
        {object("conv_transpose", R"(, "output_shape": [10, 99])"), ":1: key \"output_shape\" on axis 1: "},
        {object("conv_transpose", R"(, "output_shape": [0, 99])"), ":1: key \"output_shape\" must lie between 1"},
        {object("conv", R"(, "pad": [[-3, -3], [0, 0]])"), ":1: key \"pad\" on axis 0: no output remains"},
        {object("conv", R"(, "dtype": "f16")"), ":1: key \"dtype\" \"f16\" is not supported; it can be: f32"},
        {object("conv", R"(, "resize": "nearest2")"),
         ":1: key \"resize\" \"nearest2\" is not supported; it can be: none"},
        {object("conv", R"(, "numerics": "exact")"), ":1: key \"numerics\" \"exact\" is not supported"},
        {object("conv", R"(, "epilogue": "swish")"), ":1: key \"epilogue\" \"swish\" is not an activation"},
        {object("conv", R"(, "epilogue": 3)"), ":1: key \"epilogue\" must be the word"},
        {object("conv", R"(, "epilogue": {"activation": "clamp", "alpha": 0})"), "activation clamp needs \"beta\""},
        {object("conv", R"(, "epilogue": {"activation": "relu", "alpha": 0})"), "activation relu has no \"alpha\""},
        {object("conv", R"(, "epilogue": {"activation": "leaky_relu", "alpha": "x"})"),
         "needs a finite number under \"alpha\""},
        {object("conv", R"(, "epilogue": {"activation": "leaky_relu", "alpha": 1e99})"), "needs a finite number"},
        {object("conv", R"(, "epilogue": {"residual": 1})"), "needs true or false under \"residual\""},
        {object("conv", R"(, "epilogue": {"scale": 1})"), "key \"scale\" in \"epilogue\" is unknown"},
        {R"({"name": "a", "op": "conv", "ci": 1, "co": 1, "in": [], "kernel": []})",
         ":1: key \"in\" must be an array of 1 to 3"},
        {R"({"name": "a", "op": "conv", "ci": 65536, "co": 1, "in": [65536], "kernel": [1]})",
         ":1: layer a: too large"},
        {object("conv", "") + "\n# x\n" + object("conv", ""), ":3: key \"name\" repeats \"a\" of line 1"},
    };
    for (const auto &c : cases) {
        std::string message = failure(scratch, c.text);
        CHECK_THAT(message, Contains(c.message));
        CHECK_THAT(message, Contains(scratch / "list.jsonl"));
        CHECK_THAT(message, !Contains("\n"));
    }
}

TEST_CASE("LIST#name takes one layer") {
    Scratch scratch;
    std::string b = object("conv", "");
    b.replace(b.find("\"a\""), 3, "\"b#1\"");
    std::string list = scratch.write("list.jsonl", object("conv", "") + "\n" + b + "\n");
    CHECK(load(list).size() == 2);
    CHECK(load(list + "#a").at(0).name == "a");
    CHECK(load_layer(list + "#b#1", kNoRemark).name == "b#1");
    CHECK(load_layers({list + "#a", list}, kNoRemark).size() == 3);
    CHECK_THROWS_WITH(load(list + "#c"), Contains("no layer is called \"c\"; layers are a, b#1"));
    CHECK_THROWS_WITH(load_layer(list, kNoRemark), Contains("holds 2 layers; choose one, e.g. " + list + "#a"));
    CHECK_THROWS_WITH(load(scratch / "none.jsonl"), Contains("none.jsonl: cannot be read: No such file"));
    CHECK_THROWS_WITH(load(scratch.write("list.txt", "")), Contains("layers are read from .jsonl"));
    CHECK_THROWS_WITH(load(scratch.path().string()), Contains("layers are read from"));
}

TEST_CASE("layer_json writes what load_layers reads") {
    Scratch scratch;
    int layers = 0;
    auto check = [&](const Layer &layer) {
        Layer again = load(scratch.write("again.jsonl", layer_json(layer))).at(0);
        CHECK(layer_json(again) == layer_json(layer));
        CHECK(std::equal(layer.problem.pad_before, layer.problem.pad_before + 3, again.problem.pad_before));
        CHECK(layer.problem.alpha == again.problem.alpha);
        layers++;
    };
    for (const auto &file : std::filesystem::directory_iterator(HALCONV_TEST_LAYERS "/workload")) {
        for (const Layer &layer : load(file.path().string())) {
            check(layer);
        }
    }
    CHECK(layers == 66);
    for (const char *keys :
         {R"(, "epilogue": {"activation": "leaky_relu", "alpha": 0.1, "residual": true})",
          R"(, "epilogue": "relu6", "layout": "nchw", "out_layout": "nhwc", "numerics": "fast")",
          R"(, "stride": [2, 3], "dilation": [3, 1], "pad": [[-1, 2], [3, 0]], "n": 3, "groups": 2)"}) {
        check(load(scratch.write("one.jsonl", object("conv", keys))).at(0));
    }
}
