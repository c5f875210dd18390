// 128-bit loads and stores of tensors in global memory. A vector access is one instruction only where its alignment is known.
#pragma once

#include <string>

#include "Halide.h"

namespace halconv {

// A lowering pass, for after all of Halide's: every dense vector access to one of the pipeline's tensors, whose first elements
// are aligned to 16 bytes, is marked as aligned to the whole vector. It requires, and throws std::runtime_error with one line
// where it cannot prove, that the index is a multiple of the vector's length.
class AlignVectors : public Halide::Internal::IRMutator {
    using Halide::Internal::IRMutator::visit;
    Halide::Internal::Scope<Halide::Internal::ModulusRemainder> lets_;

    Halide::Internal::ModulusRemainder checked(const std::string &buffer, const Halide::Expr &index) const;
    template <class LetOrStmt> auto visit_let(const LetOrStmt *op);
    Halide::Expr visit(const Halide::Internal::Load *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::Store *op) override;
    Halide::Expr visit(const Halide::Internal::Let *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::LetStmt *op) override;
};

}  // namespace halconv
