// Horizontal sums of several vectors at once.
#pragma once

#include "Halide.h"

namespace halconv {

// A lowering pass. Where 2, 4, 8 or 16 neighbouring vectors of accumulators are each added up (VectorReduce of their
// concatenation), it adds them in pairs, so that a step halves the vectors instead of each vector's width: 15 steps of a
// blend, a shuffle and an addition for 16 vectors of 16 lanes. Sums are associated differently from left to right.
class PairwiseSums : public Halide::Internal::IRMutator {
  public:
    explicit PairwiseSums(int native_lanes) : native_lanes_(native_lanes) {}

  private:
    int native_lanes_;
    using IRMutator::visit;
    Halide::Expr visit(const Halide::Internal::VectorReduce *op) override;
};

}  // namespace halconv
