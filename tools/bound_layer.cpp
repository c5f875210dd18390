#include "tools/bound_layer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace halconv {

namespace {

void check(halconv_status status) {
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
}

// Products of an inner output.
double products_of(const halconv_problem &problem) {
    return useful_flop(problem) / 2 / double(tensor_sizes(problem).output);
}

// Integers of [-most, most] times `unit`, a share `density` of them not forced to zero.
void fill_integers(const Floats &tensor, int most, float unit, double density, uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto kept = uint64_t(density * 65536);
    for (int64_t i = 0; i < tensor.size(); i++) {
        const uint64_t bits = random();
        const int value = int((bits >> 16) % uint64_t(2 * most + 1)) - most;
        tensor.data()[i] = bits % 65536 < kept ? float(value) * unit : 0.0f;
    }
}

}  // namespace

LayerOperands::LayerOperands(const halconv_problem &problem)
    : input(tensor_sizes(problem).input), weights(tensor_sizes(problem).weights), bias(problem.out_channels),
      residual(problem.residual ? tensor_sizes(problem).output : 0) {}

ErrorFigures LayerOperands::compare(const Layer &layer, const float *output) const {
    return compare_samples(layer.problem, {input.data(), weights.data(), bias.data(), residual.data()}, output,
                           layer.numerics);
}

LayerOperands random_operands(const halconv_problem &problem) {
    LayerOperands o(problem);
    // Uniform numbers in [-a, a) have variance a * a / 3.
    fill_random(o.input.data(), o.input.size(), 1, 1);
    fill_random(o.weights.data(), o.weights.size(), float(3 / std::sqrt(products_of(problem))), 2);
    fill_random(o.bias.data(), o.bias.size(), 1, 3);
    fill_random(o.residual.data(), o.residual.size(), 1, 4);
    return o;
}

LayerOperands integer_operands(const halconv_problem &problem, float weight_unit) {
    constexpr double kProducts = 64;
    LayerOperands o(problem);
    const double density = std::min(1.0, kProducts / products_of(problem));
    fill_integers(o.input, 2, 1, density, 1);
    fill_integers(o.weights, 2, weight_unit, 1, 2);
    fill_integers(o.bias, 9, 1, 1, 3);
    fill_integers(o.residual, 9, 1, 1, 4);
    return o;
}

BoundLayer::BoundLayer(const Layer &layer, const LayerOperands &operands, PlanHandle plan)
    : layer_(layer), operands_(operands), plan_(std::move(plan)), output_(tensor_sizes(layer.problem).output),
      packed_(aligned_bytes(halconv_plan_weights_bytes(plan_.get()))),
      workspace_(aligned_bytes(halconv_plan_workspace_bytes(plan_.get()))) {
    std::fill_n(output_.data(), output_.size(), std::numeric_limits<float>::quiet_NaN());
    const bool conv = layer.problem.op == HALCONV_CONV;
    const halconv_weights_layout order = conv ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    check(halconv_plan_pack(plan_.get(), operands.weights.data(), order, 0, operands.bias.data(), packed_.get()));
}

void BoundLayer::run() const {
    check(halconv_plan_run(plan_.get(), operands_.input.data(), packed_.get(), operands_.residual.data(),
                           output_.data(), workspace_.get()));
}

ErrorFigures BoundLayer::error() const { return operands_.compare(layer_, output_.data()); }

}  // namespace halconv
