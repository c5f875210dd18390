// The arithmetic of runtime/core/conv_shape.h on Halide expressions.
#pragma once

#include "Halide.h"

#include "runtime/core/conv_shape.h"

namespace halconv {

// Halide's integer / and % round to minus infinity where the divisor is positive.
template <> struct Arithmetic<Halide::Expr> {
    static Halide::Expr floor_div(const Halide::Expr &a, const Halide::Expr &b) { return a / b; }
    static Halide::Expr floor_mod(const Halide::Expr &a, const Halide::Expr &b) { return a % b; }
    static Halide::Expr max(const Halide::Expr &a, const Halide::Expr &b) { return Halide::max(a, b); }
    static Halide::Expr min(const Halide::Expr &a, const Halide::Expr &b) { return Halide::min(a, b); }
    static Halide::Expr select(const Halide::Expr &condition, const Halide::Expr &a, const Halide::Expr &b) {
        return Halide::select(condition, a, b);
    }
};

}  // namespace halconv
