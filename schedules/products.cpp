#include "schedules/products.h"

namespace halconv {

using namespace Halide;

namespace {

// Reductions up to this length are unrolled whole.
constexpr int kUnrolledReduction = 4;

}  // namespace

void order_products(const Products &p, const halconv_key &key, const Schedule &schedule) {
    Stage update = Func(p.sum).update();
    if (schedule.operand_lanes > 1) {
        multiply_by_lane(p, schedule);
    } else {
        std::vector<VarOrRVar> order = {p.lane};
        order.insert(order.end(), p.pixels.begin(), p.pixels.end());
        order.push_back(p.input);
        order.insert(order.end(), p.outer.begin(), p.outer.end());
        update.reorder(order);
        if (key.group_in != HALCONV_FREE && key.group_in <= kUnrolledReduction) {
            update.unroll(p.input);
        }
    }
    update.vectorize(p.lane, schedule.lanes).unroll(p.lane);
    for (const Var &pixel : p.pixels) {
        update.unroll(pixel);
    }
}

}  // namespace halconv
