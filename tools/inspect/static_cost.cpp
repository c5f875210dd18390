#include "tools/inspect/static_cost.h"

#include <fmt/format.h>

#include "runtime/core/conv_shape.h"
#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "tools/layer.h"

namespace halconv {

namespace {

int64_t whole_vectors(int64_t elements, int lanes) { return (elements + lanes - 1) / lanes * lanes; }

// Products of axis d (z, y, x) for one pair of channels: positions times taps, or winograd's tiles times points.
double axis_products(const halconv_key &key, const Schedule &schedule, int d) {
    const bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    const Axis<int64_t> axis = key_axis(key, d);
    const int lanes = schedule.form == HALCONV_FORM_PIXEL_LANES && d == 2 ? schedule.lanes : 1;
    PhaseBox boxes[2] = {};
    const int count = split_phases(transposed ? axis.stride : 1, key.out[d], boxes);
    double phases = 0, positions = 0;
    for (int i = 0; i < count; i++) {
        phases += double(boxes[i].phases);
        positions += double(boxes[i].phases * whole_vectors(boxes[i].extent, lanes));
    }
    const WinogradMatrices *matrices = d == 0 ? nullptr : winograd_of_axis(schedule.form, transposed, axis);
    if (!matrices) {
        return positions * mean_taps(axis, transposed);
    }
    const WinogradTiles tiles = winograd_tiles(key, schedule.form);
    return phases * double(d == 2 ? tiles.x : tiles.y) * matrices->points();
}

// Channels out of all groups, as many as are multiplied.
double multiplied_channels(const halconv_key &key, const Schedule &schedule) {
    switch (schedule.form) {
    case HALCONV_FORM_INNER_PRODUCT:  // lanes are of the reduction
    case HALCONV_FORM_PIXEL_LANES:
        return double(key.groups) * key.group_out;
    case HALCONV_FORM_DEPTHWISE:
        return double(whole_vectors(int64_t(key.groups) * key.group_out, schedule.lanes));
    case HALCONV_FORM_ROW_FUSED: {
        const int64_t row = fused_lanes<int64_t>(key_axis(key, 2), key.group_out);
        return double(key.group_out) * double(whole_vectors(row, schedule.lanes)) / double(row);
    }
    default:
        return double(key.groups) * double(whole_vectors(key.group_out, schedule.lanes));
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

std::vector<StaticCost> static_costs(const std::vector<CompileJob> &jobs,
                                     const std::vector<std::filesystem::path> &objects, const CoreModel &core) {
    const std::vector<MachineCode> codes = disassemble(objects);
    std::vector<std::vector<InnerLoop>> hot;
    std::vector<AnalysedLoop> all;
    for (size_t i = 0; i < jobs.size(); i++) {
        hot.push_back(inner_loops(codes[i]));
        hot.back().resize(hot_count(hot.back()));
        if (hot.back().empty()) {
            throw WorkError(fmt::format("{}: no loop that multiplies", jobs[i].symbol));
        }
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
    std::vector<StaticCost> costs;
    size_t next = 0;
    for (size_t i = 0; i < jobs.size(); i++) {
        double cycles = 0, products = 0;
        for (const InnerLoop &loop : hot[i]) {
            cycles += predictions[next++].cycles;
            products += loop.products;
        }
        costs.push_back({cycles / products, form_products(jobs[i].key, jobs[i].schedule)});
    }
    return costs;
}

}  // namespace halconv
