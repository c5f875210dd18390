#include "schedules/gpu/promote_registers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

namespace {

[[noreturn]] void fail(const std::string &buffer, const std::string &why) {
    throw std::runtime_error("sums of a thread in registers: " + buffer + ": " + why);
}

std::string text_of(const Expr &e) {
    std::ostringstream text;
    text << e;
    return text.str();
}

// An access's index: integer strides for the threads, the same for all accesses, and an offset.
struct Affine {
    std::vector<int64_t> strides;
    int64_t offset;
    int lanes;  // of a dense vector from there
};

// An access as it stands in the program, with all lets put in and under which condition.
struct Access {
    Expr index, in_full, condition;
    bool is_read;
};

// The loops over threads inside of a statement, and its accesses to a buffer.
class Accesses : public IRVisitor {
  public:
    std::map<std::string, int64_t> threads;  // loops over threads with their extents
    std::vector<Access> found;
    std::vector<Expr> facts;  // of the blocks around

    Accesses(std::string buffer, const std::vector<std::pair<std::string, Expr>> &outer, std::vector<Expr> blocks)
        : facts(std::move(blocks)), buffer_(std::move(buffer)) {
        for (const auto &[name, value] : outer) {
            bind(name, value);
        }
    }

  private:
    using IRVisitor::visit;
    std::string buffer_;
    std::map<std::string, Expr> lets_;
    Expr condition_ = const_true();

    void bind(const std::string &name, const Expr &value) {
        if (value.type().is_int_or_uint() || value.type().is_bool()) {
            lets_[name] = substitute(lets_, value);
        }
    }
    void add(const Expr &index, bool is_read) {
        found.push_back({index, simplify(substitute(lets_, index)), condition_, is_read});
    }

    void visit(const Load *op) override {
        if (op->name == buffer_) {
            add(op->index, true);
        }
        IRVisitor::visit(op);
    }
    void visit(const Store *op) override {
        if (op->name == buffer_) {
            add(op->index, false);
        }
        IRVisitor::visit(op);
    }
    void visit(const Let *op) override {
        op->value.accept(this);
        bind(op->name, op->value);
        op->body.accept(this);
    }
    void visit(const LetStmt *op) override {
        op->value.accept(this);
        bind(op->name, op->value);
        op->body.accept(this);
    }
    void visit(const IfThenElse *op) override {
        op->condition.accept(this);
        const Expr around = condition_, condition = substitute(lets_, op->condition);
        condition_ = simplify(around && condition);
        op->then_case.accept(this);
        if (op->else_case.defined()) {
            condition_ = simplify(around && !condition);
            op->else_case.accept(this);
        }
        condition_ = around;
    }
    void visit(const For *op) override {
        if (op->for_type == ForType::GPUThread) {
            auto extent = as_const_int(simplify(substitute(lets_, op->extent)));
            if (!is_const_zero(op->min) || !extent) {
                fail(buffer_, "the number of threads of " + op->name + " is not known");
            }
            threads[op->name] = std::max(threads[op->name], *extent);
        }
        IRVisitor::visit(op);
    }
};

class FindCondition : public IRVisitor {
  public:
    Expr condition;  // of a select; undefined where there is none

  private:
    using IRVisitor::visit;
    void visit(const Select *op) override {
        condition = condition.defined() || op->condition.type().is_vector() ? condition : op->condition;
        IRVisitor::visit(op);
    }
};

// The integer that the expression is whatever its selects take, given that the facts hold. Where a phase has no taps, Halide
// makes the bounds of sums conditional.
std::optional<int64_t> integer_of(const Expr &e, const std::vector<Expr> &facts) {
    constexpr size_t kMostFacts = 16;
    const Expr simple =
        simplify(e, true, Scope<Interval>::empty_scope(), Scope<ModulusRemainder>::empty_scope(), facts);
    if (auto integer = as_const_int(simple)) {
        return *integer;
    }
    FindCondition find;
    simple.accept(&find);
    if (!find.condition.defined() || facts.size() >= kMostFacts) {
        return {};
    }
    std::optional<int64_t> result;
    for (const Expr &holds : {const_true(), const_false()}) {
        std::vector<Expr> more = facts;
        more.push_back(is_const_one(holds) ? find.condition : simplify(!find.condition));
        auto integer = integer_of(substitute(find.condition, holds, simple), more);
        if (!integer || (result && *result != *integer)) {
            return {};
        }
        result = integer;
    }
    return result;
}

// The index as an affine function of the threads.
Affine affine_in_threads(const std::string &buffer, const Access &access, const Accesses &accesses) {
    const std::map<std::string, int64_t> &threads = accesses.threads;
    const Expr &index = access.in_full;
    std::vector<Expr> facts = accesses.facts;
    facts.push_back(access.condition);
    const Ramp *ramp = index.as<Ramp>();
    if (ramp && !is_const_one(ramp->stride)) {
        fail(buffer, "a vector of it is not dense: " + text_of(index));
    }
    Expr base = ramp ? ramp->base : index, rest = base;
    std::map<std::string, Expr> none;
    for (const auto &thread : threads) {
        none[thread.first] = make_zero(Int(32));
    }
    Affine result{{}, 0, ramp ? ramp->lanes : 1};
    for (const auto &thread : threads) {
        std::map<std::string, Expr> one = none;
        one[thread.first] = make_one(Int(32));
        auto stride = as_const_int(simplify(substitute(one, base) - substitute(none, base)));
        if (!stride) {
            fail(buffer, "no integer stride over " + thread.first + " in the index " + text_of(base));
        }
        result.strides.push_back(*stride);
        rest -= int(*stride) * Variable::make(Int(32), thread.first);
    }
    auto offset = integer_of(rest, facts);
    if (!offset) {
        fail(buffer, "the index is not affine in the threads with an integer offset: " + text_of(base));
    }
    result.offset = *offset;
    return result;
}

// The first element of each thread.
std::vector<int64_t> bases_of_threads(const std::vector<int64_t> &strides,
                                      const std::map<std::string, int64_t> &threads) {
    std::vector<int64_t> bases = {0};
    size_t d = 0;
    for (const auto &thread : threads) {
        std::vector<int64_t> next;
        for (int64_t t = 0; t < thread.second; t++) {
            for (int64_t base : bases) {
                next.push_back(base + t * strides[d]);
            }
        }
        bases = std::move(next);
        d++;
    }
    return bases;
}

// The only value of a thread dimension below `extent` for which the condition may hold; fails where there are several.
int64_t only_thread(const std::string &buffer, const std::string &thread, int64_t extent, const Access &access) {
    int64_t only = -1;
    for (int64_t t = 0; t < extent; t++) {
        if (!is_const_zero(simplify(substitute(thread, Expr(int(t)), access.condition)))) {
            if (only >= 0) {
                fail(buffer,
                     "accesses with different strides over " + thread + ", one of them " + text_of(access.in_full));
            }
            only = t;
        }
    }
    return only;
}

// Where the accesses go in a thread's own array.
class Registers {
  public:
    Registers(const std::string &buffer, int64_t elements, const Accesses &accesses) : buffer_(buffer) {
        for (const Access &access : accesses.found) {
            add(access, accesses);
        }
        for (int64_t offset : read_) {
            if (written_.count(offset) == 0) {
                fail(buffer, "element " + std::to_string(offset) + " is read and never written");
            }
        }
        check_threads(elements, accesses.threads);
    }
    int count() const { return int(written_.size()); }
    // The place of the access with this index; a dense vector's elements must lie side by side there too.
    Expr place(const Expr &index) const {
        const Affine &access = affine_.at(index);
        auto first = written_.find(access.offset);
        int place = int(std::distance(written_.begin(), first));
        if (access.lanes == 1) {
            return place;
        }
        if (written_.count(access.offset + access.lanes - 1) == 0 ||
            *std::next(first, access.lanes - 1) != access.offset + access.lanes - 1) {
            fail(buffer_, "a vector's elements are of several threads");
        }
        return Ramp::make(place, 1, access.lanes);
    }

  private:
    std::string buffer_;
    std::set<int64_t> written_, read_;  // offsets
    std::vector<int64_t> strides_;      // of all accesses
    std::map<Expr, Affine, IRDeepCompare> affine_;

    void add(const Access &access, const Accesses &accesses) {
        Affine affine = affine_in_threads(buffer_, access, accesses);
        if (strides_.empty()) {
            strides_ = affine.strides;
        }
        size_t d = 0;
        for (const auto &[thread, extent] : accesses.threads) {
            if (affine.strides[d] == 0 && strides_[d] != 0) {
                affine.offset -= strides_[d] * only_thread(buffer_, thread, extent, access);
            } else if (affine.strides[d] != strides_[d]) {
                fail(buffer_,
                     "accesses with different strides over " + thread + ", one of them " + text_of(access.in_full));
            }
            d++;
        }
        auto [known, fresh] = affine_.emplace(access.index, affine);
        if (!fresh && known->second.offset != affine.offset) {
            fail(buffer_, "one index means two elements: " + text_of(access.index));
        }
        for (int lane = 0; lane < affine.lanes; lane++) {
            (access.is_read ? read_ : written_).insert(affine.offset + lane);
        }
    }

    // Every thread has elements of its own, inside of the allocation.
    void check_threads(int64_t elements, const std::map<std::string, int64_t> &threads) const {
        std::vector<bool> taken(size_t(elements), false);
        for (int64_t base : bases_of_threads(strides_, threads)) {
            for (int64_t offset : written_) {
                int64_t element = base + offset;
                if (element < 0 || element >= elements) {
                    fail(buffer_, "element " + std::to_string(element) + " of " + std::to_string(elements));
                }
                if (taken[size_t(element)]) {
                    fail(buffer_, "two threads meet element " + std::to_string(element));
                }
                taken[size_t(element)] = true;
            }
        }
    }
};

class Rewrite : public IRMutator {
  public:
    Rewrite(std::string buffer, const Registers &registers) : buffer_(std::move(buffer)), registers_(registers) {}

  private:
    using IRMutator::visit;
    std::string buffer_;
    const Registers &registers_;

    Expr visit(const Load *op) override {
        if (op->name != buffer_) {
            return IRMutator::visit(op);
        }
        return Load::make(op->type, op->name, registers_.place(op->index), op->image, op->param, op->predicate,
                          ModulusRemainder());
    }
    Stmt visit(const Store *op) override {
        if (op->name != buffer_) {
            return IRMutator::visit(op);
        }
        return Store::make(op->name, mutate(op->value), registers_.place(op->index), op->param, op->predicate,
                           ModulusRemainder());
    }
};

}  // namespace

Stmt PromoteRegisters::visit(const LetStmt *op) {
    lets_.emplace_back(op->name, op->value);
    Stmt result = IRMutator::visit(op);
    lets_.pop_back();
    return result;
}

Stmt PromoteRegisters::visit(const For *op) {
    bool block = op->for_type == ForType::GPUBlock && is_const_zero(op->min);
    if (block) {
        facts_.push_back(Expr(0) <= Variable::make(Int(32), op->name));
    }
    Stmt result = IRMutator::visit(op);
    if (block) {
        facts_.pop_back();
    }
    return result;
}

Stmt PromoteRegisters::visit(const Allocate *op) {
    if (op->memory_type != MemoryType::Register) {
        return IRMutator::visit(op);
    }
    Accesses accesses(op->name, lets_, facts_);
    op->body.accept(&accesses);
    if (accesses.threads.empty()) {
        return IRMutator::visit(op);  // already a thread's own
    }
    if (op->constant_allocation_size() == 0) {
        fail(op->name, "its size is not known");
    }
    if (accesses.found.empty()) {
        fail(op->name, "it is never used");
    }
    Registers registers(op->name, op->constant_allocation_size(), accesses);
    Stmt body = Rewrite(op->name, registers).mutate(op->body);
    return Allocate::make(op->name, op->type, op->memory_type, {registers.count()}, op->condition, mutate(body));
}

}  // namespace halconv
