// The templates of conv_shape.h on Halide expressions of free variables, values put in afterwards, against int64.
#include "generators/expr_arithmetic.h"

#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace halconv;
using Halide::Expr;

namespace {

Expr variable(const char *name) { return Halide::Internal::Variable::make(Halide::Int(32), name); }

int64_t value_of(const Expr &formula, const std::map<std::string, Expr> &values) {
    Expr value = Halide::Internal::simplify(Halide::Internal::substitute(values, formula));
    auto constant = Halide::Internal::as_const_int(value);
    REQUIRE(constant);
    return *constant;
}

// Every formula of an axis, for the same arguments.
template <class T> std::vector<T> formulas(const PhaseAxis<T> &phases, T size, T pad_after, T m) {
    const Axis<T> &axis = phases.axis;
    T r = phases.phase(size);
    return {kernel_span(axis),
            conv_output_size(axis, size, pad_after),
            conv_transpose_output_size(axis, size, pad_after, m),
            high_coordinate(axis, size, m),
            phases.tap_step(),
            phases.input_step(),
            r,
            phases.base(size),
            phases.first_tap(r),
            phases.taps(r),
            phases.tap(r, m),
            phases.input_offset(r),
            phases.input(phases.base(size), r, m),
            phases.max_taps()};
}

}  // namespace

TEST_CASE("the arithmetic on expressions is the arithmetic on integers") {
    Axis<Expr> axis{variable("kernel"), variable("stride"), variable("dilation"), variable("pad")};
    PhaseAxis<Expr> phases{axis, variable("gcd"), variable("inverse")};
    std::vector<Expr> symbolic = formulas<Expr>(phases, variable("size"), variable("after"), variable("m"));
    int cases = 0;
    for (int kernel : {1, 2, 3, 5})
        for (int stride : {1, 2, 3, 4})
            for (int dilation : {1, 2, 3, 4})
                for (int pad : {-2, 0, 1})
                    for (int size = -3; size <= 6; size += 3, ++cases) {
                        PhaseAxis<int64_t> known = phase_axis({kernel, stride, dilation, pad});
                        int after = (size + 4) % 3 - 1, m = (size + 3) / 3;
                        std::map<std::string, Expr> values{
                            {"kernel", kernel}, {"stride", stride},      {"dilation", dilation},
                            {"pad", pad},       {"gcd", int(known.gcd)}, {"inverse", int(known.inverse)},
                            {"size", size},     {"after", after},        {"m", m}};
                        std::vector<int64_t> expected = formulas<int64_t>(known, size, after, m), got;
                        for (const Expr &formula : symbolic) {
                            got.push_back(value_of(formula, values));
                        }
                        CAPTURE(kernel, stride, dilation, pad, size);
                        REQUIRE(got == expected);
                    }
    REQUIRE(cases == 4 * 4 * 4 * 3 * 4);
}
