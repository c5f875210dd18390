// Winograd: V of a block of tile rows and M of a block of channels stay in L2 between the transforms and the
// products. These are one GEMM for each point, with register tiles of tile_x tiles x `vectors` vectors of channels. The
// transforms go tile by tile and vector by vector of channels, unrolled whole.
#include <algorithm>
#include <numeric>
#include <optional>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "schedules/apply.h"
#include "schedules/products.h"

namespace halconv {

using namespace Halide;

namespace {

// Vectors that the registers of AVX-512 and NEON hold, which have most.
constexpr int kMostRegisters = 32;

// The place of everything in the loops over the output.
struct Levels {
    LoopLevel padded, input, products;
};

class WinogradSchedule {
  public:
    WinogradSchedule(WinogradStages &stages, const halconv_key &key, const Schedule &schedule)
        : s(stages), key_(key), schedule_(schedule), tiles_(winograd_tiles(key, schedule)),
          block_tiles_(std::max(int(tiles_.block(schedule)), schedule.tile_x)),
          by_rows_(schedule.parallel == ParallelAxis::kRows),
          output_(stages.output), loops_{stages.x,  stages.y,  Var("tx"),    Var("xi"),
                                         Var("ty"), Var("yi"), Var("strip"), stages.z} {
        if (schedule.share) {
            const RDom &r = stages.places;
            output_ = stages.output.update();
            loops_ = {r[0], r[1], RVar("tx"), RVar("xi"), RVar("ty"), RVar("yi"), RVar("strip"), r[2]};
            phases_ = {r[3], r[4], r[5]};
            return;
        }
        phases_.assign(stages.phases.begin(), stages.phases.end());
        if (interleaves_phases(key)) {
            interleaved_ = stages.phases.front();
            phases_.erase(phases_.begin());
        }
    }

    void apply() {
        Levels levels = schedule_output();
        schedule_products(levels.products);
        schedule_input(levels.input);
        if (schedule_.stage) {
            // The lines of a vector of planes are used up before those of the next come.
            Var vector("vector"), lane("lane");
            s.padded.compute_at(levels.padded).split(s.c, vector, lane, schedule_.lanes, TailStrategy::GuardWithIf);
            s.padded.reorder(lane, s.x, vector, s.y).vectorize(lane);
        }
    }

  private:
    // The last vector of channels begins earlier rather than store a part: on Zen, AVX2's masked stores are slow (fcn8s/up2a,
    // 21 channels: 66 GFLOP/s with them, 89 without).
    TailStrategy tail(int32_t channels) const {
        return channels >= schedule_.lanes ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf;
    }

    // The output, tile by tile: nhwc from registers; nchw by rows that are read back transposed from scratch memory. From
    // the inside: the tiles of a strip, blocks of channels, strips. The phases of a strip share its V, or each has its own;
    // where blocks of channels are parallel and phases share nothing they are around the strips.
    Levels schedule_output() {
        output_.split(loops_.y, loops_.ty, loops_.yi, s.outputs[1], TailStrategy::GuardWithIf);
        std::vector<VarOrRVar> order = key_.out_layout == HALCONV_NCHW ? schedule_planes() : schedule_pixels();
        auto append = [&](const std::vector<VarOrRVar> &loops) {
            order.insert(order.end(), loops.begin(), loops.end());
        };
        VarOrRVar job("job", schedule_.share), inner = phases_.empty() ? VarOrRVar(s.g) : phases_[0];
        LoopLevel input, products(s.output, block_);
        if (by_rows_) {
            append({block_});
            append(phases_);
            append({s.g, loops_.strip, loops_.z, s.n});
            input = LoopLevel(s.output, schedule_.share ? VarOrRVar(s.g) : inner);
        } else if (schedule_.share) {
            append(phases_);
            append({block_, loops_.strip, s.g, loops_.z, s.n});
            input = LoopLevel(s.output, loops_.strip), products = LoopLevel(s.output, inner);
        } else {
            append({block_, loops_.strip});
            append(phases_);
            append({s.g, loops_.z, s.n});
            input = LoopLevel(s.output, loops_.strip);
        }
        output_.reorder(order);
        if (by_rows_) {
            output_.fuse(loops_.strip, loops_.z, job).fuse(job, s.n, job).parallel(job);
        } else {
            output_.parallel(block_);
        }
        return {LoopLevel(s.output, by_rows_ ? job : s.n), input, products};
    }

    std::vector<VarOrRVar> schedule_planes() {
        if (tiles_.y > 1) {
            output_.split(loops_.ty, loops_.strip, loops_.ty, schedule_.rows, TailStrategy::GuardWithIf);
        } else {
            output_.split(s.x, loops_.strip, s.x, block_tiles_ * s.outputs[2], TailStrategy::GuardWithIf);
        }
        // The last vector of a row stays in the tiles of the row.
        int row = int(tiles_.y > 1 ? tiles_.x : block_tiles_) * s.outputs[2];
        Var inner("inner");
        output_.split(s.c, block_, inner, schedule_.channels, TailStrategy::GuardWithIf);
        output_.vectorize(s.x, std::gcd(row, schedule_.lanes), TailStrategy::GuardWithIf);
        std::vector<VarOrRVar> order = {s.x, loops_.yi, inner, loops_.ty};
        if (interleaved_) {
            s.output.bound(*interleaved_, 0, key_.stride[2]);
            output_.vectorize(*interleaved_);
            order.insert(order.begin(), *interleaved_);
        }
        s.result.compute_at(LoopLevel(s.output, loops_.ty)).store_in(MemoryType::Heap);
        s.result.bound_extent(s.c, schedule_.channels).bound_extent(s.y, s.outputs[1]);
        s.result.align_bounds(s.x, s.outputs[2]).align_bounds(s.y, s.outputs[1]);
        Stage result = s.result;
        result.split(s.x, loops_.tx, loops_.xi, s.outputs[2], TailStrategy::GuardWithIf);
        schedule_tile(s.result, result, s.y, TailStrategy::RoundUp);
        return order;
    }

    std::vector<VarOrRVar> schedule_pixels() {
        output_.split(loops_.x, loops_.tx, loops_.xi, s.outputs[2], TailStrategy::GuardWithIf);
        VarOrRVar &tiles = tiles_.y > 1 ? loops_.ty : loops_.tx;
        output_.split(tiles, loops_.strip, tiles, tiles_.y > 1 ? schedule_.rows : block_tiles_,
                      TailStrategy::GuardWithIf);
        // It may neither add twice nor move a block's first channel.
        bool shifts = !schedule_.share && key_.residual == 0 && key_.group_out <= schedule_.channels;
        std::vector<VarOrRVar> order =
            schedule_tile(s.output, output_, loops_.yi, shifts ? tail(key_.group_out) : TailStrategy::GuardWithIf);
        output_.split(vector_, block_, vector_, schedule_.channels / schedule_.lanes, TailStrategy::GuardWithIf);
        order.push_back(loops_.ty);
        return order;
    }

    // One tile and vector of channels of `stage` of `func`: its loops over channels and the rows `row` of one tile. Returns
    // its loops, the tiles of a row outermost.
    std::vector<VarOrRVar> schedule_tile(const Func &func, Stage stage, const VarOrRVar &row,
                                         TailStrategy channel_tail) {
        Var lane("lane");
        stage.split(s.c, vector_, lane, schedule_.lanes, channel_tail).vectorize(lane);
        std::vector<VarOrRVar> order = {lane, loops_.xi, row, vector_, loops_.tx};
        stage.reorder(order).unroll(loops_.xi).unroll(row);
        s.output_rows.compute_at(LoopLevel(func, vector_)).vectorize(s.c, schedule_.lanes, TailStrategy::RoundUp);
        s.output_rows.bound_extent(s.ky, s.points[1])
            .bound_extent(s.dx, s.outputs[2])
            .reorder(s.c, s.dx, s.ky)
            .unroll(s.dx)
            .unroll(s.ky);
        // Else, where tiles do not divide the output, the rows go through memory (resnetgen/up2 133 and with it 146 GFLOP/s,
        // AVX-512).
        s.output_rows.bound_extent(s.t, 1);
        if (schedule_.operand_lanes > 1) {
            // Halide lets arrays on the stack follow each other in one place, and LLVM keeps a place in memory where an index
            // into any of them is not constant, as here between phases: more than any array has, so that the operands of
            // products keep theirs in registers.
            s.output_rows.bound_storage(s.t, kMostRegisters);
        }
        return order;
    }

    void schedule_products(const LoopLevel &level) {
        Var panel("panel"), inner("inner"), to("to"), ti("ti");
        Func products = s.products, sum = s.sum;
        products.compute_at(level).bound_extent(s.c, schedule_.channels);
        products.bound(s.kx, 0, s.points[2]).bound(s.ky, 0, s.points[1]);
        // Halide's bounds of what nchw reads back go as far as a vector beyond a row's end.
        int beyond = key_.out_layout == HALCONV_NCHW ? schedule_.lanes / s.outputs[2] + 1 : 0;
        products.bound_storage(s.t, block_tiles_ + beyond);
        products.split(s.c, panel, inner, schedule_.panel(), TailStrategy::RoundUp);
        products.split(s.t, to, ti, schedule_.tile_x, TailStrategy::ShiftInwards);
        products.reorder(inner, ti, to, panel, s.kx, s.ky);
        products.vectorize(inner, schedule_.lanes).unroll(inner).unroll(ti);
        sum.compute_at(products, to).bound_extent(s.c, schedule_.panel()).bound_extent(s.t, schedule_.tile_x);
        sum.vectorize(s.c, schedule_.lanes).unroll(s.c).unroll(s.t);
        // Where it is not staged, the wrapper of V has no loop of its own.
        order_products(
            {sum, s.input.in(sum), s.c, s.c, {s.t}, {schedule_.tile_x}, s.taps[0], {s.taps[1], s.taps[2], s.taps[3]}},
            key_, schedule_);
    }

    // V has each point's tiles side by side, channels innermost. Where registers do not hold all points of a tile, a pass
    // over the vectors of channels computes two columns of them, of points p and -p, which share most operations. F(4, 3) on NEON,
    // cycles of a tile and vector by llvm-mca: 161 at once, 69 of the instructions spills, and 136 by pairs (Neoverse N1).
    void schedule_input(const LoopLevel &level) {
        Var vector("vector"), tile_row("tile_row"), pair("pair");
        Func input = s.input, rows = s.input_rows;
        input.compute_at(level).bound_storage(s.t, block_tiles_).reorder_storage(s.c, s.t, s.kx, s.ky, s.kz);
        input.split(s.c, vector, s.c, schedule_.lanes, tail(key_.group_in)).vectorize(s.c);
        std::vector<VarOrRVar> order = {s.c}, taps;
        for (int axis : {2, 1}) {
            Var k = axis == 2 ? s.kx : s.ky;
            if (s.matrices[axis]) {
                input.bound(k, 0, s.points[axis]).unroll(k);
            }
            (s.matrices[axis] ? order : taps).push_back(k);
        }
        order.push_back(vector);
        int columns = s.points[2];
        if (schedule_.operand_lanes > 1 && s.points[1] * s.points[2] > kMostRegisters) {
            columns = 2;
            input.split(s.kx, pair, s.kx, columns).unroll(pair);
            order.push_back(pair);
        }
        order.insert(order.end(), taps.begin(), taps.end());
        order.insert(order.end(), {s.kz, s.t});
        input.reorder(order);
        // The tiles inside of the input, a range of each row, are computed without conditions.
        int row = tiles_.y > 1 ? int(tiles_.x) : schedule_.tile_x;
        input.split(s.t, tile_row, s.t, row, TailStrategy::GuardWithIf);
        if (!by_rows_) {
            input.parallel(tile_row);
        }
        if (s.matrices[2]) {
            rows.compute_at(input, vector).vectorize(s.c, schedule_.lanes, TailStrategy::GuardWithIf);
            rows.bound_extent(s.kx, columns).bound_extent(s.ky, s.points[1]);
            rows.unroll(s.kx).unroll(s.ky).reorder(s.c, s.kx, s.ky);
        }
    }

    WinogradStages &s;
    const halconv_key &key_;
    const Schedule &schedule_;
    WinogradTiles tiles_;
    int block_tiles_;  // that share one V
    bool by_rows_;
    // Loops of the output: its positions, split into tiles and the positions of a tile; strips of tiles.
    struct Loops {
        VarOrRVar x, y, tx, xi, ty, yi, strip, z;
    };
    Stage output_;
    Loops loops_;
    std::vector<VarOrRVar> phases_;   // x y z; without that of x where blocks hold all of them:
    std::optional<Var> interleaved_;  // the x phases of a block
    Var block_{"block"};              // of output channels
    Var vector_{"vector"};            // of these
};

}  // namespace

void apply_schedule(ConvWinograd &op, const halconv_key &key, const Schedule &schedule) {
    WinogradSchedule(op.stages, key, schedule).apply();
}

void apply_schedule(ConvTransposeWinograd &op, const halconv_key &key, const Schedule &schedule) {
    WinogradSchedule(op.stages, key, schedule).apply();
}

}  // namespace halconv
