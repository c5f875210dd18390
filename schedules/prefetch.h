// Prefetch of a tile's output. Where the output does not stay in L2, the lines that a register tile is going to store are
// fetched for writing when its sum begins, so that the stores at its end do not wait for memory.
#pragma once

#include "Halide.h"

namespace halconv {

// Halide's own prefetch() covers inputs only and becomes prefetchnta; this pass emits prefetchw (llvm.prefetch for a
// write, locality 3) for each line of `output` that the consumer of an allocation named `sum` stores.
class OutputPrefetchPass : public Halide::Internal::IRMutator {
  public:
    OutputPrefetchPass(std::string sum, std::string output) : sum_(std::move(sum)), output_(std::move(output)) {}

  private:
    using IRMutator::visit;
    Halide::Internal::Stmt visit(const Halide::Internal::Allocate *op) override;

    std::string sum_, output_;
};

}  // namespace halconv
