// The figures that `halconv bench` reports: counts, statistics, the roofline, the error and its bound.
#include "tools/bench_figures.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/reference.h"
#include "tools/bench_report.h"
#include "tools/machine.h"
#include "tools/machine_loops.h"

using namespace halconv;

namespace {

// 2-D; 12 -> 18 channels in 3 groups, kernel 3x2, stride 2x1, padding 1x0 before and 1x1 after.
halconv_problem small_problem(halconv_op op) {
    halconv_problem p{};
    p.op = op;
    p.rank = 2;
    p.batch = 2, p.in_channels = 12, p.out_channels = 18, p.groups = 3;
    p.in[0] = 9, p.in[1] = 7;
    p.kernel[0] = 3, p.kernel[1] = 2;
    p.stride[0] = 2, p.stride[1] = 1;
    p.dilation[0] = p.dilation[1] = 1;
    p.pad_before[0] = 1, p.pad_after[0] = 1, p.pad_after[1] = 1;
    return p;
}

struct LayerData {
    std::vector<float> input, weights, bias, residual, output;

    // Random operands, and the exact output rounded once.
    explicit LayerData(const halconv_problem &p)
        : input(size_t(input_elements(p))), weights(size_t(weight_elements(p))), bias(size_t(p.out_channels)),
          residual(size_t(output_elements(p))) {
        fill_random(input.data(), int64_t(input.size()), 1, 1);
        fill_random(weights.data(), int64_t(weights.size()), 0.5f, 2);
        fill_random(bias.data(), int64_t(bias.size()), 1, 3);
        fill_random(residual.data(), int64_t(residual.size()), 1, 4);
        std::vector<double> exact;
        reference_run(p, input.data(), weights.data(), bias.data(), residual.data(), exact);
        output.assign(exact.begin(), exact.end());
    }
    BenchOperands operands() const { return {input.data(), weights.data(), bias.data(), residual.data()}; }
};

}  // namespace

TEST_CASE("multiply-adds count twice, by the output for conv and by the input for its transpose") {
    // conv: out 5x7; 2 * 18 * (12 / 3) * 35 * 6 products.
    CHECK(useful_flop(small_problem(HALCONV_CONV)) == 2.0 * 2 * 18 * 4 * 35 * 6);
    // transpose: in 9x7; 2 * 12 * (18 / 3) * 63 * 6 products.
    CHECK(useful_flop(small_problem(HALCONV_CONV_TRANSPOSE)) == 2.0 * 2 * 12 * 6 * 63 * 6);
}

TEST_CASE("the largest layers are counted without overflow") {
    halconv_problem p{};
    p.rank = 1;
    p.batch = p.groups = 1;
    p.in_channels = p.out_channels = 30000;
    p.in[0] = 60000, p.kernel[0] = p.stride[0] = p.dilation[0] = 1;
    CHECK(useful_flop(p) == 2.0 * 30000 * 30000 * 60000);
}

TEST_CASE("compulsory bytes are each tensor once") {
    halconv_problem p = small_problem(HALCONV_CONV);
    const TensorSizes sizes = tensor_sizes(p);
    CHECK(sizes.input == input_elements(p));
    CHECK(sizes.weights == weight_elements(p));
    CHECK(sizes.output == output_elements(p));
    const double bytes = 4.0 * double(sizes.input + sizes.weights + sizes.output);
    CHECK(compulsory_bytes(p) == bytes);
    p.residual = 1;
    CHECK(compulsory_bytes(p) == bytes + 4.0 * double(sizes.output));
}

TEST_CASE("median and spread are linear between order statistics") {
    const Timing one = summarise({3});
    CHECK(one.median == 3);
    CHECK(one.spread == 0);
    const Timing four = summarise({4, 1, 3, 2});
    CHECK(four.median == Approx(2.5));
    CHECK(four.spread == Approx((3.7 - 1.3) / 2.5));  // numpy.percentile([1, 2, 3, 4], [90, 10])
    std::vector<double> samples;
    for (int i = 100; i >= 0; --i) {
        samples.push_back(100 + i);
    }
    const Timing many = summarise(samples);
    CHECK(many.median == 150);
    CHECK(many.spread == Approx((190.0 - 110) / 150));
}

TEST_CASE("the roofline is the peak or the bandwidth of the level that holds the bytes") {
    Machine machine{};
    machine.threads = 2;
    machine.fma_peak = 50;
    machine.levels = {{"L2", 1000, 100}, {"L3", 10000, 40}, {"memory", MemoryLevel::kUnlimited, 10}};
    CHECK(roofline_gflops(machine, 1e6, 1000) == 100);            // peak of both cores
    CHECK(roofline_gflops(machine, 500, 1000) == Approx(50));     // L2: 0.5 flop/byte * 100 GB/s
    CHECK(roofline_gflops(machine, 500.5, 1001) == Approx(20));   // one byte more: L3
    CHECK(roofline_gflops(machine, 50000, 100000) == Approx(5));  // memory
    CHECK(roofline_gflops(machine, 2e6, 100000) == 100);          // beyond the ridge
}

TEST_CASE("random operands repeat and have the stated range") {
    std::vector<float> a(10000), b(10000), other(10000);
    fill_random(a.data(), 10000, 0.25f, 7);
    fill_random(b.data(), 10000, 0.25f, 7);
    fill_random(other.data(), 10000, 0.25f, 8);
    CHECK(a == b);
    CHECK(a != other);
    double sum = 0, squares = 0;
    for (float v : a) {
        REQUIRE(v >= -0.25f);
        REQUIRE(v < 0.25f);
        sum += double(v), squares += double(v) * double(v);
    }
    // Mean 0 and variance scale^2 / 3, within 5 standard deviations of the estimate.
    CHECK(std::abs(sum / 10000) < 5 * 0.25 / std::sqrt(3.0 * 10000));
    CHECK(squares / 10000 == Approx(0.25 * 0.25 / 3).epsilon(0.05));
}

TEST_CASE("a result rounded once is within the bound, in every operation, layout and activation") {
    for (halconv_op op : {HALCONV_CONV, HALCONV_CONV_TRANSPOSE}) {
        for (halconv_layout layout : {HALCONV_NHWC, HALCONV_NCHW}) {
            for (int activation = HALCONV_LINEAR; activation <= HALCONV_GELU; ++activation) {
                halconv_problem p = small_problem(op);
                p.in_layout = layout;
                p.out_layout = layout == HALCONV_NHWC ? HALCONV_NCHW : HALCONV_NHWC;
                p.activation = halconv_activation(activation);
                p.alpha = activation == HALCONV_CLAMP ? -0.5f : 0.1f;
                p.beta = 0.75f;
                p.residual = activation % 2;
                const LayerData data(p);
                const ErrorFigures error = compare_samples(p, data.operands(), data.output.data());
                INFO("op " << op << " layout " << layout << " activation " << activation);
                CHECK(error.within_bound);
                CHECK(error.max_error < 1e-6);
                CHECK(error.max_error > 0);
            }
        }
    }
}

TEST_CASE("a wrong corner, an unwritten element and a wrong order of weights are found") {
    for (halconv_op op : {HALCONV_CONV, HALCONV_CONV_TRANSPOSE}) {
        const halconv_problem p = small_problem(op);
        LayerData data(p);
        for (size_t at : {size_t(0), data.output.size() - 1}) {
            std::vector<float> wrong = data.output;
            wrong[at] += 1e-3f;
            const ErrorFigures error = compare_samples(p, data.operands(), wrong.data());
            CHECK_FALSE(error.within_bound);
            CHECK(error.max_error > 1e-5);
            wrong[at] = std::numeric_limits<float>::quiet_NaN();
            const ErrorFigures unwritten = compare_samples(p, data.operands(), wrong.data());
            CHECK_FALSE(unwritten.within_bound);
            CHECK(std::isnan(unwritten.max_error));
        }
        std::swap(data.weights.front(), data.weights.back());
        CHECK_FALSE(compare_samples(p, data.operands(), data.output.data()).within_bound);
    }
}

TEST_CASE("f32 sums in ascending and in descending order are within the bound, half precision is not") {
    halconv_problem p{};
    p.rank = 1;
    p.batch = p.groups = p.out_channels = 1;
    p.in_channels = 4000;
    p.in[0] = p.kernel[0] = p.stride[0] = p.dilation[0] = 1;
    LayerData data(p);
    auto sum = [&](bool descending) {
        float total = 0;
        for (size_t i = 0; i < data.input.size(); ++i) {
            const size_t at = descending ? data.input.size() - 1 - i : i;
            total += data.input[at] * data.weights[at];
        }
        return total + data.bias[0];
    };
    for (bool descending : {false, true}) {
        const float output = sum(descending);
        const ErrorFigures error = compare_samples(p, data.operands(), &output);
        CHECK(error.within_bound);
    }
    double half = double(data.bias[0]);
    for (size_t i = 0; i < data.input.size(); ++i) {
        half += double(data.input[i]) *
                (double(data.weights[i]) + 0x1p-11 * std::abs(double(data.input[i])) * (data.input[i] < 0 ? -1 : 1));
    }
    const float output = float(half);
    CHECK_FALSE(compare_samples(p, data.operands(), &output).within_bound);
}

TEST_CASE("the machine's figures are positive and ordered") {
    const Machine machine = measure_machine(0, 1);
    CHECK(machine.instructions == machine_loops().front().name);
    CHECK(machine.fma_peak > 0.1);
    CHECK(machine.cores >= 1);
    REQUIRE(machine.levels.size() == 3);
    CHECK(machine.levels[0].capacity < machine.levels[1].capacity);
    CHECK(machine.levels[2].capacity == MemoryLevel::kUnlimited);
    for (const MemoryLevel &level : machine.levels) {
        CHECK(level.gbs > 0.1);
    }
}

TEST_CASE("JSON lines have the promised keys, and an infinite level has no size") {
    Machine machine{};
    machine.cpu = "a \"quoted\" name";
    machine.cores = 8;
    machine.threads = 2;
    machine.instructions = "avx2";
    machine.fma_peak = 100.06;
    machine.levels = {{"L2", 1024, 90}, {"memory", MemoryLevel::kUnlimited, 12}};
    const nlohmann::json head = nlohmann::json::parse(machine_json(machine, "x86-avx2"))["machine"];
    CHECK(head["cpu"] == machine.cpu);
    CHECK(head["fma_peak"] == 100.1);
    CHECK(head["read_gbs"][0]["bytes"] == 1024);
    CHECK_FALSE(head["read_gbs"][1].contains("bytes"));
    CHECK_FALSE(head.contains("clock_mhz"));
    machine.cores = 0;
    const nlohmann::json device = nlohmann::json::parse(machine_json(machine, "opencl"))["machine"];
    CHECK(device["device"] == machine.cpu);
    CHECK(device["target"] == "opencl");
    CHECK(device["fma_peak"] == 100.1);
    CHECK_FALSE(device.contains("cores"));

    const BenchLine line{"net/a", "conv", "kernel", 12.34567, 100, 50, 60, std::nan(""), 0.01};
    const nlohmann::ordered_json row = nlohmann::ordered_json::parse(line_json(line));
    std::vector<std::string> keys;
    for (const auto &item : row.items()) {
        keys.push_back(item.key());
    }
    CHECK(keys == std::vector<std::string>{"name", "op", "kernel", "time_us", "gflops", "percent_of_peak",
                                           "percent_of_roofline", "max_error", "spread"});
    CHECK(row["time_us"] == 12.346);
    CHECK(row["max_error"].is_null());
    BenchLine recorded = line;
    recorded.default_time_us = 15.5;
    CHECK(nlohmann::json::parse(line_json(recorded))["origin"] == "record");
    CHECK(nlohmann::json::parse(line_json(recorded))["default_time_us"] == 15.5);
    BenchLine small = line;
    small.max_error = 1.23456789e-6;
    CHECK(nlohmann::json::parse(line_json(small))["max_error"] == 1.235e-6);
}

TEST_CASE("the table's rows are as long as its head") {
    const TableWidths widths{12, 20};
    const std::string head = table_head(widths);
    const BenchLine line{"net/layer", "conv", "halconv_conv", 12.3, 100, 50, 60, 1e-7, 0.01};
    CHECK(head.find('\n') == head.size() / 2);
    CHECK(table_row(line, widths).size() == head.size() / 2);
}
