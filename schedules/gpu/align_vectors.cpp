#include "schedules/gpu/align_vectors.h"

#include <stdexcept>

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

namespace {

const Ramp *dense(const Expr &index) {
    const Ramp *ramp = index.as<Ramp>();
    return ramp && is_const_one(ramp->stride) ? ramp : nullptr;
}

}  // namespace

ModulusRemainder AlignVectors::checked(const std::string &buffer, const Expr &index) const {
    const Ramp *ramp = dense(index);
    ModulusRemainder known = modulus_remainder(ramp->base, lets_);
    bool multiple = known.modulus == 0 ? known.remainder % ramp->lanes == 0
                                       : known.modulus % ramp->lanes == 0 && known.remainder % ramp->lanes == 0;
    if (!multiple) {
        std::ostringstream text;
        text << "vectors of " << ramp->lanes << " in " << buffer << ": not known to be aligned: " << ramp->base;
        throw std::runtime_error(text.str());
    }
    return ModulusRemainder(ramp->lanes, 0);
}

Expr AlignVectors::visit(const Load *op) {
    if (!op->param.defined() || !dense(op->index)) {
        return IRMutator::visit(op);
    }
    return Load::make(op->type, op->name, mutate(op->index), op->image, op->param, mutate(op->predicate),
                      checked(op->name, op->index));
}

Stmt AlignVectors::visit(const Store *op) {
    if (!op->param.defined() || !dense(op->index)) {
        return IRMutator::visit(op);
    }
    return Store::make(op->name, mutate(op->value), mutate(op->index), op->param, mutate(op->predicate),
                       checked(op->name, op->index));
}

template <class LetOrStmt> auto AlignVectors::visit_let(const LetOrStmt *op) {
    Expr value = mutate(op->value);
    bool integer = op->value.type() == Int(32);
    ScopedBinding<ModulusRemainder> bind(integer, lets_, op->name,
                                         integer ? modulus_remainder(op->value, lets_) : ModulusRemainder());
    return LetOrStmt::make(op->name, value, mutate(op->body));
}

Expr AlignVectors::visit(const Let *op) { return visit_let(op); }
Stmt AlignVectors::visit(const LetStmt *op) { return visit_let(op); }

}  // namespace halconv
