// A lowering pass for GPU kernels: a vector of the input that may lie outside is loaded only where it lies inside.
#pragma once

#include "Halide.h"

namespace halconv {

// Makes select(outside, 0, load), or select(inside, load, 0), a load under a condition of its own. A select would take one
// instruction for each float after the load; a condition takes none beside its zeros, and asks no memory for what is thrown
// away. For single floats it does not pay: 86 instead of 87 % multiply-adds in the loop from planes.
class BorderLoads : public Halide::Internal::IRMutator {
    using IRMutator::visit;
    Halide::Expr visit(const Halide::Internal::Select *op) override;
};

}  // namespace halconv
