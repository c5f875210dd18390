#include "schedules/gpu/border_loads.h"

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

Expr BorderLoads::visit(const Select *op) {
    const Broadcast *same = op->condition.as<Broadcast>();
    const Expr outside = same ? same->value : op->condition;
    const Load *load = op->false_value.as<Load>();
    if (outside.type().is_vector() || !load || !load->param.defined() || !is_const_zero(op->true_value)) {
        return IRMutator::visit(op);
    }
    return Call::make(op->type, Call::if_then_else, {!outside, op->false_value, op->true_value}, Call::PureIntrinsic);
}

}  // namespace halconv
