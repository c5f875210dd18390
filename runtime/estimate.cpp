#include "runtime/estimate.h"

#include <algorithm>

#include "runtime/core/winograd.h"

namespace halconv {

namespace {

enum { kZ, kY, kX };

// A common x86 core: two vector operations and two loads a cycle, a sum's result after four cycles. The baseline without
// any feature has no fused multiply-add and takes two operations for it.
constexpr double kOperationsPerCycle = 2, kLoadsPerCycle = 2, kLatency = 4;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t at_least_one(int32_t value) { return std::max(value, 1); }

// Cycles of one step of the reduction over a register tile of p pixels and v vectors: p * v multiply-adds, which wait
// for their own previous sums; loads of v weights and of p broadcast inputs (depthwise: a vector of inputs for each
// sum).
double step_cycles(const halconv_kernel &row) {
    double pixels = 1, vectors = static_cast<double>(at_least_one(row.tile_vectors));
    for (int32_t extent : row.tile) {
        pixels *= static_cast<double>(at_least_one(extent));
    }
    if (row.form == HALCONV_FORM_PIXEL_LANES) {  // vectors of pixels, and as many sums of each as channels
        pixels /= static_cast<double>(at_least_one(row.vector_lanes));
        vectors = static_cast<double>(at_least_one(row.panel));
    }
    double sums = pixels * vectors;
    double inputs = row.form == HALCONV_FORM_DEPTHWISE ? sums : pixels;
    double operations = row.cpu_features == 0 ? 2 * sums : sums;
    return std::max({operations / kOperationsPerCycle, (vectors + inputs) / kLoadsPerCycle, kLatency});
}

// winograd: register tiles of tile[2] output tiles, which span the rows.
double winograd_box_tiles(const halconv_kernel &row, const Problem3 &p, const OutputBox &box) {
    double tiles = static_cast<double>(box.axis[kZ].phases * box.axis[kZ].extent);
    int64_t positions = 1;
    for (int a : {kY, kX}) {
        const WinogradMatrices *matrices = winograd_of_axis(row.form, row.key.op == HALCONV_CONV_TRANSPOSE, p.axis[a]);
        tiles *= static_cast<double>(box.axis[a].phases);
        positions *= matrices ? ceil_div(box.axis[a].extent, matrices->outputs) : box.axis[a].extent;
    }
    return tiles * static_cast<double>(ceil_div(positions, at_least_one(row.tile[kX])));
}

// Tiles that cover one box; the last one of a row or column is computed whole.
double box_tiles(const halconv_kernel &row, const Problem3 &p, const OutputBox &box) {
    if (is_winograd(row.form)) {
        return winograd_box_tiles(row, p, box);
    }
    double tiles = 1;
    for (int a = 0; a < 3; ++a) {
        int64_t extent = box.axis[a].extent;
        if (row.form == HALCONV_FORM_ROW_FUSED && a == kX) {  // a pixel of the tile is a base coordinate of the row
            PhaseAxis<int64_t> axis = phase_axis(p.axis[kX]);
            extent = axis.bases(p.out[kX]);
        }
        if (row.form == HALCONV_FORM_INNER_PRODUCT && a == kX && row.key.op == HALCONV_CONV_TRANSPOSE) {
            extent = positions_of_phase(p.out[kX], p.axis[kX].stride, 0);
        }
        tiles *=
            static_cast<double>(box.axis[a].phases) * static_cast<double>(ceil_div(extent, at_least_one(row.tile[a])));
    }
    return tiles;
}

// conv: n * co * ci / groups * prod(out) * prod(kernel); transpose: n * ci * co / groups * prod(in) * prod(kernel).
double useful_multiply_adds(const halconv_kernel &row, const Problem3 &p) {
    const int64_t *low = row.key.op == HALCONV_CONV ? p.out : p.in;
    double product = 1;
    for (int64_t factor : {p.batch, p.groups, p.group_in, p.group_out, low[kZ], low[kY], low[kX], p.axis[kZ].kernel,
                           p.axis[kY].kernel, p.axis[kX].kernel}) {
        product *= static_cast<double>(factor);
    }
    return product;
}

// Cycles of an inner product's tile: a step has a vector of inputs for each pixel, one of weights for each x phase and
// channel, and their products; at the end each sum's lanes are added in about two operations a cycle.
double inner_product_cycles(const halconv_kernel &row, const Problem3 &p, const PackedShape &packed) {
    double vectors = static_cast<double>(at_least_one(row.tile_vectors)), pixels = at_least_one(row.tile[kX]);
    double weights = static_cast<double>(packed.phases[kX] * p.group_out), sums = pixels * weights;
    double operations = row.cpu_features == 0 ? 2 * sums : sums;
    double step =
        std::max({vectors * operations / kOperationsPerCycle, vectors * (pixels + weights) / kLoadsPerCycle, kLatency});
    return step * static_cast<double>(packed.taps[kX] * packed.taps[kY] * packed.taps[kZ]) + 2 * sums;
}

}  // namespace

double estimated_rate(const halconv_kernel &row, const Problem3 &p, const PackedShape &packed,
                      const OutputBoxes &boxes) {
    double tiles = 0;
    for (int i = 0; i < boxes.count; ++i) {
        tiles += box_tiles(row, p, boxes.box[i]);
    }
    if (row.form == HALCONV_FORM_INNER_PRODUCT) {
        return useful_multiply_adds(row, p) /
               (tiles * static_cast<double>(p.batch) * inner_product_cycles(row, p, packed));
    }
    int64_t tile_lanes = at_least_one(row.vector_lanes) * at_least_one(row.tile_vectors);
    tiles *= static_cast<double>(p.batch) * static_cast<double>(packed.blocks) *
             static_cast<double>(ceil_div(packed.lanes, tile_lanes));
    double steps = static_cast<double>(packed.inputs);
    for (int64_t taps : packed.taps) {
        steps *= static_cast<double>(taps);
    }
    return useful_multiply_adds(row, p) / (tiles * steps * step_cycles(row));
}

}  // namespace halconv
