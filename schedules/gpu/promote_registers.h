// Block-level accumulators in registers. Halide 21 keeps a Func that is computed for a block of threads and stored in
// MemoryType::Register as one array of the block in each thread's local memory: 16 KB for 64 x 64 sums, read and written around
// every product. Each thread meets only its own part, which fits its registers once the array is cut to that part.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "Halide.h"

namespace halconv {

// A lowering pass, for after all of Halide's. An allocation in MemoryType::Register around loops over threads becomes one of as
// many elements as a thread uses. It requires, and throws std::runtime_error with one line where it cannot prove, that
//     index = base + sum over thread dimensions d of stride[d] * thread[d] + offset
// with the same integer strides for every access and integer offsets, that base + offset lies in the allocation, that
// no two threads meet the same element, and that what is read is also written. Where a condition leaves a thread dimension one
// value, Halide has put that into the index; it is taken out again. Element `rank of offset` takes the index's place.
class PromoteRegisters : public Halide::Internal::IRMutator {
    using Halide::Internal::IRMutator::visit;
    using Stmt = Halide::Internal::Stmt;

    std::vector<std::pair<std::string, Halide::Expr>> lets_;  // around the present statement, outermost first
    std::vector<Halide::Expr> facts_;                         // of the blocks around

    Stmt visit(const Halide::Internal::LetStmt *op) override;
    Stmt visit(const Halide::Internal::For *op) override;
    Stmt visit(const Halide::Internal::Allocate *op) override;
};

}  // namespace halconv
