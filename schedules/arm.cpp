// Multiplication by lane, for ARM: `fmla v.4s, v.4s, v.s[lane]` takes one operand from a lane of a register, so that a load
// brings four input channels of a pixel, and no instruction broadcasts. The operand is staged as a Func of its own in the
// loop over channels, which LLVM keeps in registers: for 4 channels of 8 pixels and 2 vectors 64 multiply-adds, 16 registers
// loaded, 80 instructions. A box over the padded input in its place would stage columns that stride 2 does not read, and
// unrolling by 8 channels spills.
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
    operand.compute_at(p.sum, chunk)
        .store_in(MemoryType::Register)
        .bound_extent(p.channel, schedule.operand_lanes)
        .vectorize(p.channel);
    for (size_t i = 0; i < p.pixels.size(); i++) {
        operand.bound_extent(p.pixels[i], p.extents[i]).unroll(p.pixels[i]);
    }
}

}  // namespace halconv
