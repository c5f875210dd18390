// The lowering passes for GPUs: what they make of a small pipeline, and what they refuse because they cannot prove it.
#include <optional>

#include "Halide.h"
#include "schedules/gpu/align_vectors.h"
#include "schedules/gpu/promote_registers.h"
#include "tests/catch.h"

namespace halconv {

namespace {

using namespace Halide;
using Catch::Contains;

const Halide::Target kCuda("x86-64-linux-cuda-cuda_capability_80-no_runtime");
constexpr int kBlock = 32, kThread = 4;

// Remembers the size of the register allocation that an earlier pass left, and the alignments of vector loads.
struct Witness : Internal::IRMutator {
    struct Seen {
        std::optional<int32_t> registers;
        int aligned = 0, vectors = 0;
    };
    std::shared_ptr<Seen> seen;
    explicit Witness(std::shared_ptr<Seen> s) : seen(std::move(s)) {}
    using IRMutator::visit;
    Internal::Stmt visit(const Internal::Allocate *op) override {
        if (op->memory_type == MemoryType::Register) {
            seen->registers = op->constant_allocation_size();
        }
        return IRMutator::visit(op);
    }
    Expr visit(const Internal::Load *op) override {
        if (op->type.lanes() > 1 && op->param.defined()) {
            seen->vectors++;
            seen->aligned += op->alignment.modulus % op->type.lanes() == 0 && op->alignment.remainder == 0;
        }
        return IRMutator::visit(op);
    }
};

// acc = a block's, initialised and updated by threads of kThread neighbours; out = `read` of it.
struct BlockSums {
    ImageParam in{Float(32), 1, "in"};
    Func acc{"acc"}, out{"out"};
    Var x{"x"}, block{"block"}, thread{"thread"}, lane{"lane"};
    RDom r{0, 8};

    explicit BlockSums(const std::function<Expr(Func, Var)> &read) {
        acc(x) = 0.0f;
        acc(x) += in(x + r) * 2.0f;
        out(x) = read(acc, x);
        out.bound(x, 0, 4 * kBlock).split(x, block, lane, kBlock).split(lane, thread, lane, kThread).unroll(lane);
        out.gpu_blocks(block).gpu_threads(thread);
        acc.compute_at(out, block).store_in(MemoryType::Register);
    }
    void split(Stage stage, int of_thread) const {
        stage.split(x, thread, lane, of_thread).unroll(lane).gpu_threads(thread);
    }
    // Lowers with the pass.
    Witness::Seen lower(int first_of_thread = kThread) {
        split(acc, first_of_thread);
        Stage update = acc.update();
        update.split(x, thread, lane, kThread).reorder(lane, thread, r).unroll(lane).gpu_threads(thread);
        Pipeline pipeline(out);
        auto seen = std::make_shared<Witness::Seen>();
        pipeline.add_custom_lowering_pass(new PromoteRegisters);
        pipeline.add_custom_lowering_pass(new Witness(seen));
        pipeline.compile_to_module({in}, "f", kCuda);
        return *seen;
    }
};

// out(x) = in(x + offset), 4 at a time by each thread.
Witness::Seen lower_vectors(int offset) {
    ImageParam in(Float(32), 1, "in");
    Func out("out");
    Var x("x"), block("block"), thread("thread"), lanes("lanes");
    out(x) = in(x + offset) + 1.0f;
    out.bound(x, 0, 4 * kBlock).split(x, thread, lanes, 4).vectorize(lanes).split(thread, block, thread, 8);
    out.gpu_blocks(block).gpu_threads(thread);
    in.dim(0).set_min(0);
    Pipeline pipeline(out);
    auto seen = std::make_shared<Witness::Seen>();
    pipeline.add_custom_lowering_pass(new AlignVectors);
    pipeline.add_custom_lowering_pass(new Witness(seen));
    pipeline.compile_to_module({in}, "f", kCuda);
    return *seen;
}

}  // namespace

TEST_CASE("a block's sums become a thread's registers", "[gpu]") {
    BlockSums own([](Func acc, Var x) { return acc(x); });
    CHECK(own.lower().registers == kThread);
}

TEST_CASE("sums in registers are refused where a thread's part is not proven its own", "[gpu]") {
    BlockSums neighbour([](Func acc, Var x) { return acc(x) + acc(x + 1); });
    neighbour.acc.bound_extent(neighbour.x, kBlock + kThread);
    CHECK_THROWS_WITH(neighbour.lower(), Contains("is read and never written"));

    BlockSums mirrored([](Func acc, Var x) { return acc(x) + acc(kBlock - 1 - x % kBlock + x / kBlock * kBlock); });
    mirrored.acc.bound_extent(mirrored.x, kBlock);
    CHECK_THROWS_WITH(mirrored.lower(), Contains("sums of a thread in registers: "));

    BlockSums unlike([](Func acc, Var x) { return acc(x); });
    CHECK_THROWS_WITH(unlike.lower(2), Contains("accesses with different strides"));
}

TEST_CASE("vectors whose alignment is proven are marked, others refused", "[gpu]") {
    const Witness::Seen seen = lower_vectors(8);
    CHECK(seen.vectors > 0);
    CHECK(seen.aligned == seen.vectors);
    CHECK_THROWS_WITH(lower_vectors(2), Contains("not known to be aligned"));
}

}  // namespace halconv
