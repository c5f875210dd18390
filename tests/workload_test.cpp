// Every layer of tests/layers/workload through `halconv run` with the built-in kernels: exact on integers.
#include <filesystem>

#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/program.h"
#include "tests/reference.h"
#include "tests/sampled.h"
#include "tools/layer.h"
#include "tools/npy.h"

using namespace halconv;

namespace {

using Shape = std::vector<int64_t>;

Shape weights_shape(const halconv_problem &p) {
    bool conv = p.op == HALCONV_CONV;
    Shape shape = {conv ? p.out_channels : p.in_channels, (conv ? p.in_channels : p.out_channels) / p.groups};
    shape.insert(shape.end(), p.kernel, p.kernel + p.rank);
    return shape;
}

// Channels last: the lists say nothing of a layout.
Shape input_shape(const halconv_problem &p) {
    Shape shape = {p.batch};
    shape.insert(shape.end(), p.in, p.in + p.rank);
    shape.push_back(p.in_channels);
    return shape;
}

}  // namespace

TEST_CASE("halconv run is exact on every layer of the workload") {
    constexpr int kPoints = 100;
    int count = 0;
    for (const auto &list : std::filesystem::directory_iterator(HALCONV_TEST_LAYERS "/workload")) {
        for (const Layer &layer : load_layers({list.path().string()}, [](const std::string &text) { FAIL(text); })) {
            INFO(layer.source << ": " << layer.name);
            KernelCase c;
            c.problem = layer.problem;
            c.bias = true;
            c.seed = uint32_t(++count);
            Operands operands = make_operands(c);
            Scratch scratch;
            std::string x = scratch / "x.npy", w = scratch / "w.npy", b = scratch / "b.npy", y = scratch / "y.npy";
            write_npy(x, input_shape(c.problem), operands.input.data());
            write_npy(w, weights_shape(c.problem), operands.weights.data());
            write_npy(b, {c.problem.out_channels}, operands.bias.data());
            ProgramResult result = start_halconv({"run", list.path().string() + "#" + layer.name, "--input", x,
                                                  "--weights", w, "--bias", b, "--output", y});
            CHECK(result.err == "");
            REQUIRE(result.status == 0);
            CHECK(sampled_failure(c, operands, read_npy(y).data, kPoints) == "");
        }
    }
    CHECK(count == 66);
}
