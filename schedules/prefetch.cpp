#include "schedules/prefetch.h"

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

namespace {

constexpr int kLineBytes = 64;

// First elements of the vectors that a statement stores to `output` outside of its loops, in terms of what is known before
// the statement: let expressions are substituted before, let statements here.
class StoredVectors : public IRVisitor {
  public:
    explicit StoredVectors(const std::string &output) : output_(output) {}
    std::vector<Expr> first;
    Type type;

  private:
    using IRVisitor::visit;
    void visit(const For *) override {}
    void visit(const LetStmt *op) override {
        lets_.push_back(op);
        op->body.accept(this);
        lets_.pop_back();
    }
    void visit(const Store *op) override {
        const Ramp *ramp = op->index.as<Ramp>();
        if (op->name == output_ && ramp && is_const_one(ramp->stride)) {
            type = op->value.type().element_of();
            Expr base = ramp->base;
            for (size_t i = lets_.size(); i-- > 0;) {
                base = substitute(lets_[i]->name, substitute_in_all_lets(lets_[i]->value), base);
            }
            first.push_back(base);
        }
    }
    std::string output_;
    std::vector<const LetStmt *> lets_;  // around the store, outermost first
};

Stmt prefetch_for_write(const std::string &buffer, const Expr &element, const Type &type) {
    constexpr int kWrite = 1, kLocality = 3, kData = 1;
    Expr base = reinterpret(UInt(64), Variable::make(Handle(), buffer));
    Expr address = reinterpret(Handle(), base + cast(UInt(64), cast(Int(64), element) * type.bytes()));
    return Evaluate::make(Call::make(Int(32), "llvm.prefetch.p0", {address, kWrite, kLocality, kData}, Call::Extern));
}

}  // namespace

Stmt OutputPrefetchPass::visit(const Allocate *op) {
    if (op->name.compare(0, sum_.size(), sum_) != 0) {
        return IRMutator::visit(op);
    }
    StoredVectors stored(output_);
    substitute_in_all_lets(op->body).accept(&stored);
    Stmt body = op->body;
    std::vector<Expr> lines;
    for (size_t i = stored.first.size(); i-- > 0;) {
        bool covered = false;  // by the vector before it, in the same line
        for (size_t j = 0; j < i && !covered; j++) {
            auto distance = as_const_int(simplify(stored.first[i] - stored.first[j]));
            covered = distance && *distance >= 0 && *distance * stored.type.bytes() < kLineBytes;
        }
        if (!covered) {
            body = Block::make(prefetch_for_write(output_, stored.first[i], stored.type), body);
        }
    }
    return Allocate::make(op->name, op->type, op->memory_type, op->extents, op->condition, body, op->new_expr,
                          op->free_function, op->padding);
}

}  // namespace halconv
