// The scratch memory of a kernel, read off its lowered program, so that no schedule states it a second time.
#pragma once

#include <memory>
#include <string>

#include "Halide.h"

namespace halconv {

// A lowering pass that changes nothing: it finds the peak of heap allocation outside and inside of parallel loops as
// expressions of the kernel's arguments. Of a kernel for a graphics processor that is what lies in device memory.
class ScratchPass : public Halide::Internal::IRMutator {
  public:
    struct Peak {
        Halide::Expr shared, worker;  // int64 bytes: of the calling thread, and of each worker of a parallel loop
    };
    explicit ScratchPass(std::shared_ptr<Peak> result) : result_(std::move(result)) {}
    using IRMutator::mutate;
    Halide::Internal::Stmt mutate(const Halide::Internal::Stmt &program) override;

  private:
    std::shared_ptr<Peak> result_;
};

// A function of the kernel's arguments and one more, an int64 buffer of extent 2, that writes {shared, worker} to it.
Halide::Internal::LoweredFunc scratch_function(const std::string &name, const Halide::Internal::LoweredFunc &kernel,
                                               const ScratchPass::Peak &peak);

}  // namespace halconv
