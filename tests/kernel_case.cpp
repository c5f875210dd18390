#include "tests/kernel_case.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

#include "tests/catch.h"
#include "tests/guarded.h"
#include "tests/reference.h"

namespace halconv {

namespace {

constexpr size_t kTensorAlignment = 4, kPackedAlignment = 64;

bool transcendental(halconv_activation activation) { return activation >= HALCONV_TANH; }

std::vector<float> small_integers(std::mt19937 &engine, int64_t count, int most, float scale) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float &value : values) {
        value = float(int(engine() % uint32_t(2 * most + 1)) - most) * scale;
    }
    return values;
}

// The sum before a transcendental function is exact; the function in f32 may be off by a few units in the last place of
// its value or of its argument.
double tolerance(halconv_activation activation, double expected) {
    return transcendental(activation) ? 8 * 0x1p-24 * std::max(1.0, std::abs(expected)) : 0.0;
}

// The call's status, as a failure's text.
std::string failed(const char *call, halconv_status status) {
    return status == HALCONV_OK ? "" : std::string(call) + ": " + halconv_status_text(status);
}

struct PlanDeleter {
    void operator()(halconv_plan *plan) const { halconv_plan_destroy(plan); }
};
using Plan = std::unique_ptr<halconv_plan, PlanDeleter>;

std::string output_size_failure(const halconv_plan *plan, const halconv_problem &problem) {
    int64_t out[3] = {};
    std::array<int64_t, 3> expected = reference_output_size(problem);
    std::string failure = failed("halconv_plan_output_size", halconv_plan_output_size(plan, out));
    for (int d = 0; d < problem.rank && failure.empty(); d++) {
        if (out[d] != expected[size_t(3 - problem.rank + d)]) {
            failure = "halconv_plan_output_size: " + std::to_string(out[d]) + " on axis " + std::to_string(d);
        }
    }
    return failure;
}

// Runs the plan with all buffers guarded on `side`.
std::string run_guarded(const halconv_plan *plan, const KernelCase &c, const Operands &operands, GuardSide side,
                        const std::vector<double> &expected) {
    const halconv_problem &p = c.problem;
    Guarded<float> input(operands.input, side, kTensorAlignment), bias(operands.bias, side, kTensorAlignment);
    Guarded<float> weights(reorder_weights(p, operands.weights, c.weights_layout, c.flip), side, kTensorAlignment);
    Guarded<char> packed(halconv_plan_weights_bytes(plan), side, kPackedAlignment);
    Guarded<char> workspace(halconv_plan_workspace_bytes(plan), side, kPackedAlignment);
    for (const Guarded<float> *source : {&input, &bias, &weights}) {
        source->make_read_only();
    }
    halconv_status status = halconv_plan_pack(plan, weights.data(), c.weights_layout, c.flip,
                                              c.bias ? bias.data() : nullptr, packed.data());
    packed.make_read_only();
    if (status != HALCONV_OK) {
        return failed("halconv_plan_pack", status);
    }
    Guarded<float> result(expected.size(), side, kTensorAlignment), residual(operands.residual, side, kTensorAlignment);
    residual.make_read_only();
    bool in_place = p.residual && c.residual_in_place;
    if (in_place) {
        std::copy(operands.residual.begin(), operands.residual.end(), result.data());
    }
    const float *added = !p.residual ? nullptr : in_place ? result.data() : residual.data();
    status = halconv_plan_run(plan, input.data(), packed.data(), added, result.data(), workspace.data());
    std::string failure = failed("halconv_plan_run", status);
    if (failure.empty() && !(packed.intact() && workspace.intact() && result.intact())) {
        failure = "written outside of packed weights, workspace or output";
    }
    return failure.empty() ? compare_output(p, result.data(), expected) : failure;
}

}  // namespace

std::string compare_output(const halconv_problem &problem, const float *y, const std::vector<double> &expected) {
    size_t wrong = 0, first = 0;
    for (size_t i = expected.size(); i-- > 0;) {
        // Written so that NaN, which the buffer holds before the run, is wrong.
        if (!(std::abs(double(y[i]) - expected[i]) <= tolerance(problem.activation, expected[i]))) {
            wrong++, first = i;
        }
    }
    if (wrong == 0) {
        return "";
    }
    std::ostringstream text;
    text << wrong << " of " << expected.size() << " elements wrong, first " << first << ": " << y[first]
         << ", expected " << expected[first];
    return text.str();
}

Operands make_operands(const KernelCase &c) {
    const halconv_problem &p = c.problem;
    std::mt19937 engine(c.seed);
    float scale = transcendental(p.activation) ? 0x1p-5f : 1.0f;
    Operands operands;
    operands.input = small_integers(engine, input_elements(p), c.input_most, 1);
    operands.weights = small_integers(engine, weight_elements(p), c.weight_most, scale * c.weight_unit);
    operands.bias = small_integers(engine, c.bias ? p.out_channels : 0, 9, scale);
    operands.residual = small_integers(engine, p.residual ? output_elements(p) : 0, 9, scale);
    return operands;
}

CaseResult run_case(const halconv_kernel_set *set, const halconv_options *options, const KernelCase &c) {
    halconv_plan *created = nullptr;
    CaseResult result;
    halconv_status status = halconv_plan_create(set, &c.problem, options, &created);
    Plan plan(created);
    if (status != HALCONV_OK) {
        result.failure = status == HALCONV_NO_KERNEL ? "" : failed("halconv_plan_create", status);
        return result;
    }
    result.accepted = true;
    result.failure = output_size_failure(plan.get(), c.problem);
    if (!result.failure.empty()) {
        return result;
    }
    Operands operands = make_operands(c);
    std::vector<double> expected;
    reference_run(c.problem, operands.input.data(), operands.weights.data(), c.bias ? operands.bias.data() : nullptr,
                  operands.residual.data(), expected);
    for (GuardSide side : {GuardSide::kStart, GuardSide::kEnd}) {
        std::string failure = run_guarded(plan.get(), c, operands, side, expected);
        if (!failure.empty()) {
            result.failure = (side == GuardSide::kStart ? "guard before: " : "guard behind: ") + failure;
            return result;
        }
    }
    return result;
}

RowReport check_row(const halconv_kernel &row, const std::vector<KernelCase> &cases) {
    constexpr size_t kMostFailures = 3;
    halconv_kernel_set set = set_of_row(row);
    RowReport report;
    for (const KernelCase &c : cases) {
        INFO(case_text(c));  // printed if a guard page stops the kernel
        halconv_options options{};
        options.numerics = HALCONV_FAST;  // allows every form
        CaseResult result = run_case(&set, &options, c);
        report.accepted += result.accepted;
        if (!result.accepted && result.failure.empty() && !may_refuse(row, c.problem)) {
            result.failure = "refused";
        }
        if (!result.failure.empty() && report.failures.size() < kMostFailures) {
            report.failures.push_back(case_text(c) + ": " + result.failure);
        }
    }
    return report;
}

std::vector<float> run_layer(const halconv_kernel_set *set, const halconv_options *options, const KernelCase &c,
                             const Operands &operands) {
    auto require = [](const char *call, halconv_status status) {
        if (status != HALCONV_OK) {
            throw std::runtime_error(failed(call, status));
        }
    };
    halconv_plan *created = nullptr;
    require("halconv_plan_create", halconv_plan_create(set, &c.problem, options, &created));
    Plan plan(created);
    Guarded<char> packed(halconv_plan_weights_bytes(created), GuardSide::kStart, kPackedAlignment);
    Guarded<char> workspace(halconv_plan_workspace_bytes(created), GuardSide::kStart, kPackedAlignment);
    std::vector<float> weights = reorder_weights(c.problem, operands.weights, c.weights_layout, c.flip);
    require("halconv_plan_pack", halconv_plan_pack(created, weights.data(), c.weights_layout, c.flip,
                                                   c.bias ? operands.bias.data() : nullptr, packed.data()));
    std::vector<float> output(size_t(output_elements(c.problem)), NAN);
    require("halconv_plan_run",
            halconv_plan_run(created, operands.input.data(), packed.data(),
                             c.problem.residual ? operands.residual.data() : nullptr, output.data(), workspace.data()));
    return output;
}

halconv_kernel_set set_of_row(const halconv_kernel &row) { return {HALCONV_TABLE_VERSION, 1, &row, "one row"}; }

}  // namespace halconv
