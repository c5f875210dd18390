// Multiplication by lane, for ARM: `fmla v.4s, v.4s, v.s[lane]` takes one operand from a lane of a register, so that a load
// brings four input channels of a pixel, and no instruction broadcasts. The operand is staged as a Func of its own in the
// loop over channels, which LLVM keeps in registers: for 4 channels of 8 pixels and 2 vectors 64 multiply-adds, 16 registers
// loaded, 80 instructions. A box over the padded input in its place would stage columns that stride 2 does not read, and
// unrolling by 8 channels spills.
#include <algorithm>

#include "schedules/products.h"

namespace halconv {

using namespace Halide;

void multiply_by_lane(const Products &p, const Schedule &schedule) {
    RVar chunk("chunk"), lane("operand_lane");
    Stage update = Func(p.sum).update();
    update.split(p.input, chunk, lane, schedule.operand_lanes);
    std::vector<VarOrRVar> order = {p.lane};
    order.insert(order.end(), p.pixels.begin(), p.pixels.end());
    order.insert(order.end(), {lane, chunk});
    order.insert(order.end(), p.outer.begin(), p.outer.end());
    update.reorder(order).unroll(lane);
    Func operand = p.operand;
    operand.compute_at(p.sum, chunk).store_in(MemoryType::Register);
    for (const Var &argument : operand.args()) {
        auto pixel = std::find_if(p.pixels.begin(), p.pixels.end(), [&](const Var &v) { return v.same_as(argument); });
        bool is_channel = argument.same_as(p.channel), is_pixel = pixel != p.pixels.end();
        int extent = is_channel ? schedule.operand_lanes : is_pixel ? p.extents[size_t(pixel - p.pixels.begin())] : 1;
        operand.bound_extent(argument, extent);
        is_channel ? operand.vectorize(argument) : operand.unroll(argument);
    }
}

}  // namespace halconv
