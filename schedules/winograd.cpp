// Winograd on x86 SIMD: V of a block of tile rows and M of a block of channels stay in L2 between the transforms and the
// products; these are one GEMM for each point, with register tiles of tile_x tiles x `vectors` vectors of channels.
#include <algorithm>

#include "halconv/halconv.h"
#include "runtime/core/winograd.h"
#include "schedules/apply.h"

namespace halconv {

using namespace Halide;

WinogradTiles winograd_tiles(const halconv_key &key, halconv_form form) {
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    int outputs[3];
    int64_t tiles[3];
    for (int d = 1; d < 3; d++) {
        Axis<int64_t> axis{key.kernel[d], key.stride[d], key.dilation[d], 0};
        bool pinned = axis.kernel != HALCONV_FREE && axis.stride != HALCONV_FREE && axis.dilation != HALCONV_FREE;
        const WinogradMatrices *matrices = pinned ? winograd_of_axis(form, transposed, axis) : nullptr;
        outputs[d] = matrices ? matrices->outputs : 1;
        int64_t positions = transposed ? positions_of_phase(key.out[d], axis.stride, 0) : key.out[d];
        tiles[d] = key.out[d] == HALCONV_FREE ? 0 : (positions + outputs[d] - 1) / outputs[d];
    }
    return {outputs[2], outputs[1], tiles[2], tiles[1]};
}

namespace {

// Scratch Funcs are (channel, kx, ky, [kz], t, rest); storage has the channels innermost, then the points.
void schedule_input(WinogradStages &s, const Schedule &schedule, const LoopLevel &level) {
    Var vector("vector");
    s.input.compute_at(level).split(s.c, vector, s.c, schedule.lanes, TailStrategy::GuardWithIf).vectorize(s.c);
    s.input.bound(s.kx, 0, s.points[2]).bound(s.ky, 0, s.points[1]);
    s.input.reorder(s.c, s.kx, s.ky, vector, s.kz, s.t).unroll(s.kx).unroll(s.ky);
    s.input.reorder_storage(s.c, s.t, s.kx, s.ky, s.kz);
    s.input_rows.compute_at(s.input, vector).vectorize(s.c).bound_extent(s.kx, s.points[2]);
    s.input_rows.bound_extent(s.ky, s.points[1]).unroll(s.kx).unroll(s.ky).reorder(s.c, s.kx, s.ky);
}

void schedule_products(WinogradStages &s, const Schedule &schedule, const LoopLevel &level) {
    Var panel("panel"), inner("inner"), to("to"), ti("ti");
    s.products.compute_at(level).bound_extent(s.c, schedule.channels);
    s.products.bound(s.kx, 0, s.points[2]).bound(s.ky, 0, s.points[1]);
    s.products.split(s.c, panel, inner, schedule.panel()).split(s.t, to, ti, schedule.tile_x, TailStrategy::ShiftInwards);
    s.products.reorder(inner, ti, to, panel, s.kx, s.ky).vectorize(inner, schedule.lanes).unroll(inner).unroll(ti);
    s.sum.compute_at(s.products, to).bound_extent(s.c, schedule.panel()).bound_extent(s.t, schedule.tile_x);
    s.sum.vectorize(s.c, schedule.lanes).unroll(s.c).unroll(s.t);
    s.sum.update().reorder({s.c, s.t, s.taps[0], s.taps[1], s.taps[2], s.taps[3]});
    s.sum.update().vectorize(s.c, schedule.lanes).unroll(s.c).unroll(s.t);
}

void schedule_winograd(WinogradStages &s, const halconv_key &key, const Schedule &schedule) {
    Func output = s.output;
    Var block("block"), inner("inner"), vector("vector"), lane("lane"), tx("tx"), xi("xi"), ty("ty"), yi("yi"),
        strip("strip"), job("job");
    output.split(s.c, block, inner, schedule.channels, TailStrategy::GuardWithIf);
    output.split(inner, vector, lane, schedule.lanes).vectorize(lane);
    output.split(s.x, tx, xi, s.outputs[2], TailStrategy::GuardWithIf).unroll(xi);
    output.split(s.y, ty, yi, s.outputs[1], TailStrategy::GuardWithIf).unroll(yi);
    output.split(ty, strip, ty, schedule.rows, TailStrategy::GuardWithIf);
    std::vector<VarOrRVar> order = {lane, xi, yi, vector, tx, ty, block};
    order.insert(order.end(), s.phases.begin(), s.phases.end());
    order.insert(order.end(), {s.g, strip, s.z, s.n});
    output.reorder(order).fuse(strip, s.z, job).fuse(job, s.n, job).parallel(job);
    LoopLevel phase(output, s.phases.empty() ? s.g : s.phases[0]);
    s.output_rows.compute_at(output, vector).vectorize(s.c, schedule.lanes).bound_extent(s.ky, s.points[1]);
    s.output_rows.bound_extent(s.dx, s.outputs[2]).reorder(s.c, s.dx, s.ky).unroll(s.dx).unroll(s.ky);
    schedule_products(s, schedule, LoopLevel(output, block));
    schedule_input(s, schedule, phase);
    if (schedule.stage) {
        s.padded.compute_at(output, job).vectorize(s.c, schedule.lanes, TailStrategy::GuardWithIf);
    }
    static_cast<void>(key);
}

}  // namespace

void apply_schedule(ConvWinograd &op, const halconv_key &key, const Schedule &schedule) {
    schedule_winograd(op.stages, key, schedule);
}

void apply_schedule(ConvTransposeWinograd &op, const halconv_key &key, const Schedule &schedule) {
    schedule_winograd(op.stages, key, schedule);
}

}  // namespace halconv
