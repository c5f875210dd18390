// A lowering pass for GPU kernels: an element of the input that may lie outside is loaded only where it lies inside.
#pragma once

#include "Halide.h"

namespace halconv {

// Makes select(outside, 0, load) a load under a condition of its own. A select would take one instruction for each float of
// a vector after the load; a condition takes none beside its zeros, and asks no memory for what is thrown away.
class BorderLoads : public Halide::Internal::IRMutator {
    using IRMutator::visit;
    Halide::Expr visit(const Halide::Internal::Select *op) override;
};

}  // namespace halconv
