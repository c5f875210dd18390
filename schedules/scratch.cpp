#include "schedules/scratch.h"

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

namespace {

constexpr int kAlignment = 64;
// Halide keeps constant-size allocations up to this size on the stack.
constexpr int kStackLimit = 16 * 1024;

Expr larger(const Expr &a, const Expr &b) { return is_const_zero(a) ? b : is_const_zero(b) ? a : max(a, b); }

class PeakVisitor : public IRVisitor {
  public:
    ScratchPass::Peak peak{make_zero(Int(64)), make_zero(Int(64))};

  private:
    using IRVisitor::visit;

    ScratchPass::Peak of(const Stmt &s) {
        PeakVisitor inside;
        if (s.defined()) {
            s.accept(&inside);
        }
        return inside.peak;
    }

    void visit(const Allocate *op) override {
        peak = of(op->body);
        int32_t known = op->constant_allocation_size();
        bool on_device = is_const_zero(op->condition);  // and nothing of it on the host
        bool small = known > 0 && int64_t(known) * op->type.bytes() <= kStackLimit;
        bool on_stack =
            op->memory_type == MemoryType::Register || (op->memory_type != MemoryType::Heap && small && !on_device);
        if (on_stack || op->memory_type == MemoryType::GPUShared || op->new_expr.defined()) {
            return;
        }
        Expr bytes = make_const(Int(64), op->type.bytes());
        for (const Expr &extent : op->extents) {
            bytes *= max(cast<int64_t>(extent), make_zero(Int(64)));
        }
        Expr padding = make_const(Int(64), int64_t(op->padding) * op->type.bytes() + 2 * kAlignment);
        peak.shared += bytes + padding;
    }

    void visit(const LetStmt *op) override {
        peak = of(op->body);
        for (Expr *e : {&peak.shared, &peak.worker}) {
            if (expr_uses_var(*e, op->name)) {
                *e = Let::make(op->name, op->value, *e);
            }
        }
    }

    void visit(const For *op) override {
        peak = of(op->body);
        Scope<Interval> range;
        range.push(op->name, Interval(op->min, simplify(op->min + op->extent - 1)));
        for (Expr *e : {&peak.shared, &peak.worker}) {
            if (!expr_uses_var(*e, op->name)) {
                continue;
            }
            Interval bounds = bounds_of_expr_in_scope(simplify(substitute_in_all_lets(*e)), range);
            user_assert_bounded(bounds, op->name);
            *e = bounds.max;
        }
        if (op->for_type == ForType::Parallel) {
            peak.worker = simplify(peak.shared + peak.worker);
            peak.shared = make_zero(Int(64));
        }
    }

    static void user_assert_bounded(const Interval &bounds, const std::string &loop) {
        if (!bounds.has_upper_bound()) {
            throw std::runtime_error("scratch memory has no bound over loop " + loop);
        }
    }

    void visit(const Block *op) override { join(op->first, op->rest); }
    void visit(const Fork *op) override { join(op->first, op->rest); }
    void visit(const IfThenElse *op) override { join(op->then_case, op->else_case); }

    void join(const Stmt &first, const Stmt &second) {
        ScratchPass::Peak a = of(first), b = of(second);
        peak = {larger(a.shared, b.shared), larger(a.worker, b.worker)};
    }
};

}  // namespace

Stmt ScratchPass::mutate(const Stmt &program) {
    PeakVisitor visitor;
    program.accept(&visitor);
    *result_ = {simplify(visitor.peak.shared), simplify(visitor.peak.worker)};
    return program;
}

LoweredFunc scratch_function(const std::string &name, const LoweredFunc &kernel, const ScratchPass::Peak &peak) {
    const std::string bytes = "scratch_bytes";
    std::vector<LoweredArgument> arguments = kernel.args;
    arguments.emplace_back(bytes, Argument::OutputBuffer, Int(64), 1, ArgumentEstimates{});
    auto store = [&](const Expr &value, int i) {
        return Store::make(bytes, value, i, Parameter(), const_true(), ModulusRemainder());
    };
    Expr buffer = Variable::make(type_of<halide_buffer_t *>(), bytes + ".buffer");
    Expr host = Call::make(Handle(), Call::buffer_get_host, {buffer}, Call::Extern);
    Stmt body = LetStmt::make(bytes, host, Block::make(store(peak.shared, 0), store(peak.worker, 1)));
    return LoweredFunc(name, arguments, body, LinkageType::ExternalPlusArgv);
}

}  // namespace halconv
