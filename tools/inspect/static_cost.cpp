#include "tools/inspect/static_cost.h"

#include <fmt/format.h>

#include "runtime/core/conv_shape.h"
#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "tools/layer.h"

namespace halconv {

namespace {

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Products of axis d (z, y, x) for one pair of channels: positions in whole tiles times taps, or winograd's tiles times
// points.
double axis_products(const halconv_key &key, const Schedule &schedule, int d) {
    const bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    const Axis<int64_t> axis = key_axis(key, d);
    const int tile = d == 2 ? schedule.tile_x : d == 1 ? schedule.tile_y : 1;
    PhaseBox boxes[2] = {};
    const int count = split_phases(transposed ? axis.stride : 1, key.out[d], boxes);
    double phases = 0, positions = 0;
    for (int i = 0; i < count; i++) {
        phases += double(boxes[i].phases);
        positions += double(boxes[i].phases * round_up(boxes[i].extent, tile));
    }
    if (is_winograd(schedule.form)) {
        const WinogradMatrices *matrices = d == 0 ? nullptr : winograd_of_axis(schedule.form, transposed, axis);
        const WinogradTiles tiles = winograd_tiles(key, schedule);
        if (matrices) {  // a register tile goes on in the next row of its block
            const double whole = double(round_up(tiles.block(schedule), tile)) / double(tiles.block(schedule));
            return phases * double(d == 2 ? tiles.x : tiles.y) * matrices->points() * (d == 2 ? whole : 1);
        }
        return double(key.out[d]) * mean_taps(axis, transposed);
    }
    const int64_t low = transposed ? key.in[d] : key.out[d], high = transposed ? key.out[d] : key.in[d];
    const double inside = schedule.skip[d] ? share_inside(axis, low, high, transposed) : 1;
    return positions * mean_taps(axis, transposed) * inside;
}

// Channels out of all groups, as many as are multiplied.
double multiplied_channels(const halconv_key &key, const Schedule &schedule) {
    const int64_t groups = key.groups, panel = schedule.panel();
    switch (schedule.form) {
    case HALCONV_FORM_INNER_PRODUCT:  // lanes are of the reduction
        return double(groups) * key.group_out;
    case HALCONV_FORM_PIXEL_LANES:
        return double(groups) * double(round_up(key.group_out, schedule.channels));
    case HALCONV_FORM_DEPTHWISE:
        return double(round_up(groups * key.group_out, panel));
    case HALCONV_FORM_ROW_FUSED: {
        const int64_t row = fused_lanes<int64_t>(key_axis(key, 2), key.group_out);
        return double(key.group_out) * double(round_up(row, panel)) / double(row);
    }
    default:
        return double(groups) * double(round_up(key.group_out, panel));
    }
}

// The loops as deep and with as many accumulators as the first.
size_t hot_count(const std::vector<InnerLoop> &loops) {
    size_t count = 0;
    while (count < loops.size() && loops[count].sums == loops[0].sums && loops[count].depth == loops[0].depth &&
           loops[count].multiply_adds > 0) {
        count++;
    }
    return count;
}

}  // namespace

double form_products(const halconv_key &key, const Schedule &schedule) {
    double products = double(key.batch) * key.group_in * multiplied_channels(key, schedule);
    for (int d = 0; d < 3; d++) {
        products *= axis_products(key, schedule, d);
    }
    return products;
}

std::vector<std::optional<StaticCost>> static_costs(const std::vector<CompileJob> &jobs,
                                                    const std::vector<std::filesystem::path> &objects,
                                                    const CoreModel &core) {
    const std::vector<MachineCode> codes = disassemble(objects);
    std::vector<std::vector<InnerLoop>> hot;
    std::vector<AnalysedLoop> all;
    for (size_t i = 0; i < jobs.size(); i++) {
        hot.push_back(inner_loops(codes[i]));
        hot.back().resize(hot_count(hot.back()));
        if (!serves(core, *codes[i].set, jobs[i].target.row->vector_lanes)) {
            throw InputError(fmt::format("{}: the model of {} does not serve target {}", jobs[i].symbol, core.name,
                                         jobs[i].target.name));
        }
    }
    for (size_t i = 0; i < jobs.size(); i++) {
        for (const InnerLoop &loop : hot[i]) {
            all.push_back({&loop, restarts(loop, jobs[i].schedule.form)});
        }
    }
    const std::vector<LoopPrediction> predictions = predict_loops(all, core);
    std::vector<std::optional<StaticCost>> costs;
    size_t next = 0;
    for (size_t i = 0; i < jobs.size(); i++) {
        double cycles = 0, products = 0;
        for (const InnerLoop &loop : hot[i]) {
            cycles += predictions[next++].cycles;
            products += loop.products;
        }
        costs.push_back(hot[i].empty() ? std::nullopt
                                       : std::optional(StaticCost{cycles / products,
                                                                  form_products(jobs[i].key, jobs[i].schedule)}));
    }
    return costs;
}

}  // namespace halconv
