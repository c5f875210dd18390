#include "tools/onnx_import.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/onnx_builder.h"
#include "tests/scratch.h"

using namespace halconv;
using Catch::Matchers::Contains;

namespace {

using Ints = std::vector<int64_t>;

struct Import {
    std::vector<OnnxLayer> layers;
    std::vector<std::string> remarks;

    bool remarked(const std::string &text) const {
        return std::any_of(remarks.begin(), remarks.end(),
                           [&](const std::string &remark) { return remark.find(text) != std::string::npos; });
    }
};

Import import_model(const OnnxBuilder &builder) {
    Scratch scratch;
    Import result;
    auto remark = [&](const std::string &text) { result.remarks.push_back(text); };
    result.layers = import_onnx(scratch.write("model.onnx", builder.bytes()), remark, OnnxValues::kRead);
    return result;
}

std::vector<int64_t> first(const int64_t *values, int count) { return std::vector<int64_t>(values, values + count); }

// A model with one node, x (1, 4, 7, 8) and weights of 3x3.
struct OneNode {
    explicit OneNode(const std::string &op, int64_t opset = 13) : builder(opset) {
        builder.input("x", {1, 4, 7, 8});
        builder.weights("w", {4, 4, 3, 3});
        node = builder.node(op, "the_node", {"x", "w"}, {"y"});
    }
    halconv_problem problem() const {
        Import import = import_model(builder);
        INFO((import.remarks.empty() ? "" : import.remarks[0]));
        REQUIRE(import.layers.size() == 1);
        CHECK(import.remarks.empty());
        return import.layers[0].layer.problem;
    }
    std::string skipped() const {
        Import import = import_model(builder);
        REQUIRE(import.layers.empty());
        REQUIRE(import.remarks.size() == 1);
        CHECK_THAT(import.remarks[0], Contains("model.onnx: node the_node: skipped: "));
        return import.remarks[0];
    }
    OnnxBuilder builder;
    onnx::NodeProto *node;
};

}  // namespace

TEST_CASE("a Conv node without attributes") {
    OneNode model("Conv");
    halconv_problem p = model.problem();
    CHECK(p.op == HALCONV_CONV);
    CHECK(p.in_layout == HALCONV_NCHW);
    CHECK(p.out_layout == HALCONV_NCHW);
    CHECK(p.rank == 2);
    CHECK(p.batch == 1);
    CHECK(p.groups == 1);
    CHECK(first(p.in, 2) == Ints{7, 8});
    CHECK(first(p.kernel, 2) == Ints{3, 3});
    CHECK(first(p.stride, 2) == Ints{1, 1});
    Import import = import_model(model.builder);
    CHECK(import.layers[0].layer.name == "the_node");
    CHECK_THAT(import.layers[0].layer.source, Contains("model.onnx: node the_node"));
}

TEST_CASE("attributes of a ConvTranspose node") {
    OneNode model("ConvTranspose");
    OnnxBuilder::set(model.node, "group", 2);
    OnnxBuilder::set(model.node, "strides", Ints{2, 3});
    OnnxBuilder::set(model.node, "dilations", Ints{1, 2});
    OnnxBuilder::set(model.node, "pads", Ints{1, 0, 2, 3});
    OnnxBuilder::set(model.node, "output_padding", Ints{1, 2});
    OnnxBuilder::set(model.node, "kernel_shape", Ints{3, 3});
    halconv_problem p = model.problem();
    CHECK(p.op == HALCONV_CONV_TRANSPOSE);
    CHECK(p.groups == 2);
    CHECK(p.in_channels == 4);
    CHECK(p.out_channels == 8);
    CHECK(first(p.stride, 2) == Ints{2, 3});
    CHECK(first(p.dilation, 2) == Ints{1, 2});
    CHECK(first(p.pad_before, 2) == Ints{1, 0});
    CHECK(first(p.pad_after, 2) == Ints{2, 3});
    CHECK(first(p.output_padding, 2) == Ints{1, 2});
}

TEST_CASE("auto_pad and output_shape") {
    OneNode same("Conv");
    OnnxBuilder::set(same.node, "auto_pad", "SAME_LOWER");
    OnnxBuilder::set(same.node, "strides", Ints{2, 2});
    halconv_problem p = same.problem();
    CHECK(first(p.pad_before, 2) == Ints{1, 1});
    CHECK(first(p.pad_after, 2) == Ints{1, 0});

    // ONNX: total = stride * (in - 1) + output_padding + span - output_shape = 15, 17 less 14, 16; the odd one first.
    OneNode shape("ConvTranspose");
    OnnxBuilder::set(shape.node, "strides", Ints{2, 2});
    OnnxBuilder::set(shape.node, "output_shape", Ints{14, 16});
    p = shape.problem();
    CHECK(first(p.pad_before, 2) == Ints{1, 1});
    CHECK(first(p.pad_after, 2) == Ints{0, 0});
}

TEST_CASE("a node that cannot be used is skipped with the reason") {
    auto skipped = [](auto change, const std::string &op = "Conv") {
        OneNode model(op);
        change(model);
        return model.skipped();
    };
    auto attribute = [](const char *name, auto value) {
        return [=](OneNode &model) { OnnxBuilder::set(model.node, name, value); };
    };
    CHECK_THAT(skipped(attribute("strides", Ints{2})), Contains("attribute strides has 1 values for 2 spatial axes"));
    CHECK_THAT(skipped(attribute("strides", Ints{2, -1})), Contains("below 1"));
    CHECK_THAT(skipped(attribute("pads", Ints{1, 1})), Contains("attribute pads has 2 values"));
    CHECK_THAT(skipped(attribute("auto_pad", std::string("SAME"))), Contains("auto_pad 'SAME' is not known"));
    CHECK_THAT(skipped(attribute("kernel_shape", Ints{3, 5})), Contains("kernel_shape contradicts"));
    CHECK_THAT(skipped(attribute("group", int64_t(0))), Contains("group 0 is not usable"));
    CHECK_THAT(skipped(attribute("group", int64_t(2))), Contains("input x has 4 channels where the weights need 8"));
    CHECK_THAT(skipped(attribute("pads", Ints{-9, 0, 0, 0})), Contains("no output remains"));
    CHECK_THAT(skipped(attribute("output_shape", Ints{3}), "ConvTranspose"), Contains("output_shape has 1 values"));
    CHECK_THAT(skipped([](OneNode &model) { model.node->set_op_type("ConvInteger"); }),
               Contains("operator ConvInteger is not supported"));
    CHECK_THAT(skipped([](OneNode &model) {
                   model.node->set_domain("com.example");
                   model.builder.model.add_opset_import()->set_domain("com.example");
               }),
               Contains("operator Conv of com.example is not supported"));
    CHECK_THAT(skipped([](OneNode &model) {
                   model.builder.graph->mutable_initializer(0)->set_data_type(onnx::TensorProto::FLOAT16);
               }),
               Contains("element type FLOAT16; only float32"));
    CHECK_THAT(skipped([](OneNode &model) { model.node->set_input(1, "nowhere"); }),
               Contains("the shape of its weights nowhere is not known"));
    CHECK_THAT(skipped([](OneNode &model) { model.node->set_input(0, "nowhere"); }),
               Contains("the shape of its input nowhere is not known"));
    CHECK_THAT(skipped([](OneNode &model) {
                   auto *shape =
                       model.builder.graph->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
                   shape->mutable_dim(3)->set_dim_param("width");
               }),
               Contains("spatial size 1 of its input x is not known"));
}

TEST_CASE("a symbolic batch is taken as 1, with a remark, wherever the symbol stands") {
    OnnxBuilder builder;
    builder.input("x", {"N", 4, 7, 8});
    builder.input("z", {"N", 4, 5, 6});
    builder.weights("w", {2, 4, 3, 3});
    builder.node("Conv", "a", {"x", "w"}, {"a_out"});
    builder.node("Conv", "b", {"a_out", "v"}, {"b_out"});
    builder.weights("v", {5, 2, 1, 1});
    Import import = import_model(builder);
    REQUIRE(import.layers.size() == 2);
    CHECK(import.layers[0].layer.problem.batch == 1);
    CHECK(import.layers[1].layer.problem.batch == 1);
    CHECK(first(import.layers[1].layer.problem.in, 2) == Ints{5, 6});
    CHECK(import.remarks.size() == 2);
    CHECK(import.remarked("model.onnx: input x: batch size 'N' is taken as 1"));
}

TEST_CASE("weights from an initializer, a Constant node and ConstantOfShape") {
    OnnxBuilder builder;
    builder.input("x", {1, 2, 4, 4});
    builder.weights("w", {1, 2, 1, 1});
    builder.weights("bias", {1});
    builder.node("Conv", "initializer", {"x", "w", "bias"}, {"a"});
    onnx::NodeProto *constant = builder.node("Constant", "", {}, {"w2"});
    onnx::AttributeProto *value = constant->add_attribute();
    value->set_name("value");
    value->set_type(onnx::AttributeProto::TENSOR);
    float raw[2] = {3, -4};
    value->mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
    for (int64_t dim : {1, 2, 1, 1}) {
        value->mutable_t()->add_dims(dim);
    }
    value->mutable_t()->set_raw_data(raw, sizeof raw);
    builder.node("Conv", "constant", {"x", "w2"}, {"b"});
    builder.integers("shape", {3, 2, 1, 1});
    onnx::NodeProto *fill = builder.node("ConstantOfShape", "", {"shape"}, {"w3"});
    onnx::AttributeProto *fill_value = fill->add_attribute();
    fill_value->set_name("value");
    fill_value->set_type(onnx::AttributeProto::TENSOR);
    fill_value->mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
    fill_value->mutable_t()->add_dims(1);
    fill_value->mutable_t()->add_float_data(0.5f);
    builder.node("Conv", "fill", {"x", "w3"}, {"c"});
    builder.node("ConstantOfShape", "", {"shape"}, {"w4"});
    builder.node("Conv", "", {"x", "w4"}, {"named_by_output"});
    builder.input("w5", {3, 2, 1, 1});
    builder.node("Conv", "received", {"x", "w5"}, {"e"});
    builder.weights("external", {1, 2, 1, 1})->set_data_location(onnx::TensorProto::EXTERNAL);
    builder.node("Conv", "external", {"x", "external"}, {"f"});

    Import import = import_model(builder);
    CHECK(import.remarks.empty());
    REQUIRE(import.layers.size() == 6);
    const std::vector<OnnxLayer> &l = import.layers;
    CHECK(l[0].has_values);
    CHECK(l[0].weights == std::vector<float>{0, 1});
    CHECK(l[0].bias == std::vector<float>{0});
    CHECK(l[1].weights == std::vector<float>{3, -4});
    CHECK(l[1].bias.empty());
    CHECK(l[2].weights == std::vector<float>(6, 0.5f));
    CHECK(l[2].layer.problem.out_channels == 3);
    CHECK(l[3].layer.name == "named_by_output");
    CHECK(l[3].weights == std::vector<float>(6, 0.0f));
    CHECK(l[4].layer.name == "received");
    CHECK_FALSE(l[4].has_values);
    CHECK(l[5].layer.name == "external");
    CHECK_FALSE(l[5].has_values);
}

TEST_CASE("equal node names are told apart") {
    OnnxBuilder builder;
    builder.input("x", {1, 2, 4, 4});
    builder.weights("w", {2, 2, 1, 1});
    builder.node("Conv", "conv", {"x", "w"}, {"a"});
    builder.node("Conv", "conv", {"a", "w"}, {"b"});
    Import import = import_model(builder);
    REQUIRE(import.layers.size() == 2);
    CHECK(import.layers[0].layer.name == "conv");
    CHECK(import.layers[1].layer.name == "b");
}

TEST_CASE("convolutions inside an If node see the names around it") {
    OnnxBuilder builder;
    builder.input("x", {1, 2, 6, 6});
    builder.weights("w", {2, 2, 3, 3});
    onnx::TensorProto *condition = builder.graph->add_initializer();
    condition->set_name("condition");
    condition->set_data_type(onnx::TensorProto::BOOL);
    condition->add_int32_data(1);
    onnx::NodeProto *choice = builder.node("If", "choice", {"condition"}, {"y"});
    for (const char *branch : {"then_branch", "else_branch"}) {
        onnx::AttributeProto *attribute = choice->add_attribute();
        attribute->set_name(branch);
        attribute->set_type(onnx::AttributeProto::GRAPH);
        onnx::GraphProto *graph = attribute->mutable_g();
        graph->set_name(branch);
        onnx::NodeProto *relu = graph->add_node();
        relu->set_op_type("Relu");
        relu->add_input("x");
        relu->add_output(std::string(branch) + "_relu");
        onnx::NodeProto *conv = graph->add_node();
        conv->set_op_type("Conv");
        conv->set_name(std::string("conv_of_") + branch);
        conv->add_input(std::string(branch) + "_relu");
        conv->add_input("w");
        conv->add_output(std::string(branch) + "_out");
        graph->add_output()->set_name(std::string(branch) + "_out");
        graph->mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    }
    Import import = import_model(builder);
    INFO((import.remarks.empty() ? "" : import.remarks[0]));
    REQUIRE(import.layers.size() == 2);
    CHECK(import.layers[0].layer.name == "conv_of_then_branch");
    CHECK(import.layers[1].layer.name == "conv_of_else_branch");
    CHECK(first(import.layers[1].layer.problem.in, 2) == Ints{6, 6});
}

TEST_CASE("operators newer than the installed operator sets do not stop the sizes") {
    OnnxBuilder builder(25);
    builder.model.set_ir_version(13);
    builder.input("x", {1, 4, 8, 8});
    builder.weights("w", {4, 4, 1, 1});
    onnx::NodeProto *gelu = builder.node("Gelu", "", {"x"}, {"gelu"});
    OnnxBuilder::set(gelu, "approximate", "tanh");
    builder.node("Conv", "after_gelu", {"gelu", "w"}, {"a"});
    builder.integers("axes", {2, 3});
    builder.node("ReduceMean", "", {"a", "axes"}, {"pooled"});
    builder.node("Conv", "after_mean", {"pooled", "w"}, {"b"});
    builder.input("computed_axes", {2});
    builder.node("ReduceMax", "", {"a", "computed_axes"}, {"maximum"});
    builder.node("Conv", "after_unknown_axes", {"maximum", "w"}, {"c"});
    builder.node("NotAnOperator", "", {"a"}, {"mystery"});
    builder.node("Conv", "after_mystery", {"mystery", "w"}, {"d"});

    Import import = import_model(builder);
    REQUIRE(import.layers.size() == 2);
    CHECK(first(import.layers[0].layer.problem.in, 2) == Ints{8, 8});
    CHECK(import.layers[1].layer.name == "after_mean");
    CHECK(first(import.layers[1].layer.problem.in, 2) == Ints{1, 1});
    CHECK(import.remarks.size() == 2);
    CHECK(import.remarked("node after_unknown_axes: skipped: "));
    CHECK(import.remarked("node after_mystery: skipped: the shape of its input mystery is not known"));
}

TEST_CASE("a shape that contradicts the graph ends inference but not the import") {
    OneNode model("Conv");
    onnx::ValueInfoProto *wrong = model.builder.graph->add_value_info();
    wrong->set_name("y");
    onnx::TypeProto_Tensor *type = wrong->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (int64_t extent : {1, 4, 99, 99}) {
        type->mutable_shape()->add_dim()->set_dim_value(extent);
    }
    Import import = import_model(model.builder);
    REQUIRE(import.layers.size() == 1);
    CHECK(import.remarked("model.onnx: shape inference stopped"));
}

TEST_CASE("a malformed model costs its node, not the process") {
    OneNode model("ConvTranspose");
    OnnxBuilder::set(model.node, "pads", Ints{1, 1, 1, 1});
    while (model.builder.graph->initializer(0).dims_size() > 1) {
        model.builder.graph->mutable_initializer(0)->mutable_dims()->RemoveLast();
    }
    Import import = import_model(model.builder);  // ONNX 1.12's rule for ConvTranspose reads dimension 1 unchecked
    CHECK(import.layers.empty());
    CHECK(import.remarked("node the_node: skipped: weights with 1 axes"));

    OneNode line("ConvInteger");
    line.node->set_name("two\nlines");
    import = import_model(line.builder);
    REQUIRE(import.remarks.size() == 1);
    CHECK_THAT(import.remarks[0], Contains("node two?lines: skipped"));

    // A bias of another size than the output's channels, and weights whose bytes are not as many as their shape says.
    OneNode bias("Conv");
    bias.builder.weights("b", {3});
    bias.node->add_input("b");
    import = import_model(bias.builder);
    REQUIRE(import.layers.size() == 1);
    CHECK_FALSE(import.layers[0].has_values);
    OneNode raw("Conv");
    raw.builder.graph->mutable_initializer(0)->clear_float_data();
    raw.builder.graph->mutable_initializer(0)->set_raw_data("seven b");
    import = import_model(raw.builder);
    REQUIRE(import.layers.size() == 1);
    CHECK_FALSE(import.layers[0].has_values);
}

TEST_CASE("what is no model is refused in one line") {
    Scratch scratch;
    OneNode model("Conv");
    std::string good = model.builder.bytes();
    auto ignore = [](const std::string &) {};
    for (const std::string &bytes : {std::string(), std::string("\0\0\0\0", 4), std::string("{\"name\": 1}"),
                                     std::string(4000, '\xff'), std::string("\x08\x08", 2)}) {
        std::string path = scratch.write("bad.onnx", bytes);
        CHECK_THROWS_AS(import_onnx(path, ignore, OnnxValues::kSkip), InputError);
        CHECK_THROWS_WITH(import_onnx(path, ignore, OnnxValues::kSkip),
                          Contains(path + ": not an ONNX model") && !Contains("\n"));
    }
    // Whatever a cut-off file still says, it says it without a crash; a cut inside a message is an error.
    for (size_t length = 0; length < good.size(); length++) {
        std::string path = scratch.write("cut.onnx", good.substr(0, length));
        try {
            import_onnx(path, ignore, OnnxValues::kRead);
        } catch (const InputError &error) {
            CHECK_THAT(error.what(), Contains("cut.onnx: not an ONNX model"));
        }
    }
    CHECK_THROWS_WITH(
        import_onnx(scratch.write("cut.onnx", good.substr(0, good.size() / 2)), ignore, OnnxValues::kSkip),
        Contains("truncated"));
    CHECK_THROWS_WITH(import_onnx(scratch / "none.onnx", ignore, OnnxValues::kSkip), Contains("cannot be read"));
}
