#include "schedules/gpu/border_loads.h"

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

Expr BorderLoads::visit(const Select *op) {
    const Broadcast *same = op->condition.as<Broadcast>();
    const Expr condition = same ? same->value : op->condition;
    const bool zero_first = is_const_zero(op->true_value);
    const Load *load = (zero_first ? op->false_value : op->true_value).as<Load>();
    const Expr zero = zero_first ? op->true_value : op->false_value;
    if (!op->type.is_vector() || condition.type().is_vector() || !load || !load->param.defined() ||
        !is_const_zero(zero)) {
        return IRMutator::visit(op);
    }
    return Call::make(op->type, Call::if_then_else, {zero_first ? !condition : condition, load, zero},
                      Call::PureIntrinsic);
}

}  // namespace halconv
