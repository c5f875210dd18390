#include "schedules/tuning/legal.h"

#include <algorithm>
#include <numeric>

#include "runtime/core/inner_product.h"
#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

constexpr int kMostTileX = 28, kMostTileY = 4, kMostVectors = 4, kMostVectorsOfFewPixels = 8;
constexpr int kMostDepthwiseX = 16, kMostDepthwiseVectors = 2, kMostMaskedPixels = 4, kMostDepthwiseTaps = 16;
constexpr int kMostInnerVectors = 8, kMostInnerOutputs = 8, kMostSharedTaps = 16;
constexpr int kMostFewChannels = 8;
constexpr int kMostPixelVectors = 5, kMostPixelTaps = 32;
constexpr int kMostBlockChannels = 128;
// Multiply-adds of vectors in the code of tiles at and off a border that is left out: 4096 compile in some seconds.
constexpr int64_t kMostUnrolledSteps = 4096;
constexpr int kFewestSkipChannels = 32;  // with fewer, the tests and the code cost more than the zeros

bool is_transposed(const halconv_key &key) { return key.op == HALCONV_CONV_TRANSPOSE; }

bool is_tiled(const Schedule &s) { return s.form == HALCONV_FORM_DIRECT || s.form == HALCONV_FORM_PHASE; }

int tile_of(const Schedule &s, int d) { return d == 2 ? s.tile_x : d == 1 ? s.tile_y : 1; }

// Output channels that lanes lie along.
int64_t lane_channels(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_DEPTHWISE) {
        return int64_t(key.groups) * key.group_out;
    }
    return s.form == HALCONV_FORM_ROW_FUSED ? fused_lanes<int64_t>(key_axis(key, 2), key.group_out) : key.group_out;
}

int64_t weights_of_position(const halconv_key &key) {
    return is_transposed(key) ? fused_lanes<int64_t>(key_axis(key, 2), key.group_out) : key.group_out;
}

// Unrolled steps that leaving out the border of axis d multiplies the code with, where its tiles have several pixels.
int64_t border_copies(const halconv_key &key, const Schedule &s, int d) {
    if (!s.skip[d] || (tile_of(s, d) == 1 && d != 2)) {
        return 1;
    }
    int64_t tiles = divide_up(output_positions(key).most[d], tile_of(s, d));
    return std::min<int64_t>(3, tiles) * key.kernel[d];
}

std::string vectors_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    bool power = s.lanes == 4 || s.lanes == 8 || s.lanes == 16;
    if (!power || s.lanes > target.vector_lanes) {
        return "the target has no vectors of so many lanes";
    }
    if (s.vectors < 1 || s.tile_x < 1 || s.tile_y < 1) {
        return "a tile has no pixels or vectors";
    }
    bool of_channels = s.form != HALCONV_FORM_INNER_PRODUCT && s.form != HALCONV_FORM_PIXEL_LANES;
    if (of_channels && s.vectors > 1 && int64_t(s.vectors - 1) * s.lanes >= lane_channels(key, s)) {
        return "vectors beyond the channels";
    }
    return "";
}

std::string operands_fault(const TargetRow &target, const Schedule &s) {
    if (s.operand_lanes == 1) {
        return "";
    }
    bool has_products = is_tiled(s) || is_winograd(s.form) || s.form == HALCONV_FORM_ROW_FUSED;
    bool known = s.operand_lanes == target.core.operand_lanes && has_products;
    return known ? "" : "the target or the form has no products by lane of so many channels";
}

std::string tile_fault(const halconv_key &key, const Schedule &s, int most_x, int most_y) {
    Positions positions = output_positions(key);
    if (s.tile_x > std::min<int64_t>(most_x, positions.most[2])) {
        return "the tile is longer than a row";
    }
    return s.tile_y > std::min<int64_t>(most_y, positions.most[1]) ? "the tile is higher than the output" : "";
}

std::string strips_fault(const halconv_key &key, const Schedule &s) {
    Positions positions = output_positions(key);
    if (s.rows < s.tile_y || s.rows % s.tile_y != 0 || s.columns < 0 || s.columns % s.tile_x != 0) {
        return "strips do not hold whole tiles";
    }
    if (s.columns > 0 && (positions.most[1] > 1 || s.parallel != ParallelAxis::kRows)) {
        return "strips of columns are for outputs of one row";
    }
    for (int64_t extent : {positions.most[1], positions.least[1]}) {
        if (strips_overlap(extent, s.tile_y, s.rows)) {
            return "the last tile of rows would reach into another strip's";
        }
    }
    for (int64_t extent : {positions.most[2], positions.least[2]}) {
        if (s.columns > 0 && strips_overlap(extent, s.tile_x, s.columns)) {
            return "the last tile of columns would reach into another strip's";
        }
    }
    return "";
}

std::string border_fault(const halconv_key &key, const Schedule &s) {
    for (int d = 0; d < 3; d++) {
        if (s.skip[d] && !may_skip(key, s, d)) {
            return "a border that cannot be left out";
        }
    }
    if (!border_code_fits(key, s)) {
        return "too much code at the border";
    }
    return !s.stage && must_stage(key, s) ? "the input must be staged" : "";
}

std::string tiled_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    int pixels = s.tile_x * s.tile_y;
    if (s.vectors > (pixels <= 2 ? kMostVectorsOfFewPixels : kMostVectors) ||
        tile_registers(pixels, s.vectors, s.operand_lanes) > target.registers) {
        return "the tile does not fit the registers";
    }
    std::string fault = tile_fault(key, s, kMostTileX, kMostTileY);
    fault = fault.empty() ? strips_fault(key, s) : fault;
    return fault.empty() ? border_fault(key, s) : fault;
}

std::string depthwise_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    Positions positions = output_positions(key);
    bool conv = !is_transposed(key), whole = whole_phases(key);
    int sums = s.tile_x * s.tile_y * s.vectors * (whole ? tile_phases(key) : 1);
    if (sums > (!conv && !whole ? kMostMaskedPixels : target.registers)) {
        return "the tile does not fit the registers";
    }
    if (s.tile_x > std::min<int64_t>(kMostDepthwiseX, positions.least[2]) ||
        s.tile_y > std::min<int64_t>(kMostTileY, positions.least[1])) {
        return "the tile is longer or higher than a phase";
    }
    // Vectors of inputs are permuted to the lanes of their groups' outputs, the same way for each block of lanes.
    bool holds_groups = is_depthwise(key) || (s.lanes % key.group_out == 0 && key.group_out < s.lanes);
    if (!holds_groups || s.vectors > (is_depthwise(key) ? kMostDepthwiseVectors : 1)) {
        return "vectors do not hold whole groups";
    }
    if (conv && s.tile_y > 1 && key.kernel[2] * key.kernel[1] > kMostDepthwiseTaps) {
        return "the window is too large to unroll";
    }
    if (s.stage || s.skip[0] || s.skip[2] || s.skip[1] != (conv && s.tile_y == 1)) {
        return "depthwise tiles of one row leave out rows of taps, and nothing is staged";
    }
    if (s.parallel != ParallelAxis::kRows && !(conv && s.parallel == ParallelAxis::kChannels)) {
        return "the parallel loop is over rows, or over channels of conv";
    }
    return s.columns > 0 ? "strips of columns are for other forms" : strips_fault(key, s);
}

std::string row_fused_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    if (s.tile_y != 1 || s.tile_x > kMostTileX || !row_tile_fits(key, s.tile_x, s.stage)) {
        return "the tile does not fit a row";
    }
    if (s.vectors > kMostVectors || s.panel() > lane_channels(key, s) ||
        tile_registers(s.tile_x, s.vectors, s.operand_lanes) > target.registers) {
        return "the tile does not fit the registers or the lanes";
    }
    if (!s.stage && (!stays_inside(key) || !reads_operands(key, s.operand_lanes))) {
        return "the input must be staged";
    }
    bool plain = s.rows == 1 && s.columns == 0 && s.parallel == ParallelAxis::kRows;
    return plain ? border_fault(key, s) : "fused rows have no strips";
}

std::string inner_product_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    Positions positions = output_positions(key);
    PhaseAxis<int64_t> x = phase_axis(key_axis(key, 2));
    int64_t weights = weights_of_position(key), sums = s.tile_x * weights * s.vectors;
    if (s.tile_y != 1 || s.tile_x > std::min<int64_t>(kMostTileX, positions.most[2])) {
        return "the tile is longer than a row";
    }
    if (s.vectors > kMostInnerVectors || (s.vectors & (s.vectors - 1)) != 0 ||
        s.panel() > shortest_run<int64_t>(x, is_transposed(key), key.group_in)) {
        return "vectors beyond the shortest run";
    }
    bool can_share = weights == 1 && x.axis.stride == 1 && s.vectors == 1 && key.group_in % s.lanes == 0 &&
                     x.axis.kernel > 1 && x.axis.kernel <= kMostSharedTaps;
    if (s.share && !can_share) {
        return "taps cannot share inputs";
    }
    if (sums + (s.share ? s.tile_x : std::min<int64_t>(s.tile_x, weights)) + 1 > target.registers) {
        return "the tile does not fit the registers";
    }
    bool direct = !is_transposed(key) && stays_inside(key) && positions.most[2] % s.tile_x == 0;
    if (!s.stage && !direct) {
        return "the input must be staged";
    }
    bool strips = s.rows >= 1 && s.rows <= positions.most[1] && s.columns >= 0 && s.columns % s.tile_x == 0;
    return strips && s.parallel == ParallelAxis::kRows ? "" : "strips do not hold whole tiles";
}

std::string pixel_lanes_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    std::string fault = tile_fault(key, s, kMostPixelVectors * target.vector_lanes, key.group_in > 1 ? 1 : kMostTileY);
    if (!fault.empty()) {
        return fault;
    }
    if (s.tile_x != s.panel() || s.channels < 1 || s.channels > key.group_out || s.vectors > kMostPixelVectors) {
        return "a tile is whole vectors of pixels and some channels";
    }
    int sums = s.channels * s.vectors * s.tile_y * (whole_phases(key) ? tile_phases(key) : 1);
    if (sums > target.registers) {
        return "the tile does not fit the registers";
    }
    if (!s.stage && (key.residual != 0 || !stays_inside(key))) {
        return "the input must be staged";
    }
    bool plain = s.columns == 0 && s.parallel == ParallelAxis::kRows && !s.skip[0] && !s.skip[1] && !s.skip[2];
    return plain ? strips_fault(key, s) : "pixels have strips of rows only and skip no border";
}

std::string winograd_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    WinogradTiles tiles = winograd_tiles(key, s);
    if (s.tile_y != 1 || s.vectors > kMostVectors || s.tile_x > kMostTileX || s.tile_x > tiles.x * tiles.y ||
        tile_registers(s.tile_x, s.vectors, s.operand_lanes) > target.registers) {
        return "the tile does not fit the registers or the output";
    }
    if (s.rows < 1 || s.rows > row_units(key, s) || tiles.block(s) < s.tile_x || s.columns != 0) {
        return "a block of tiles is smaller than a register tile, or larger than the output";
    }
    int64_t panels = divide_up(key.group_out, s.panel()), group = s.channels / s.panel();
    if (group < 1 || s.channels % s.panel() != 0 || panels % group != 0 || group > most_panels(key, s)) {
        return "blocks of channels do not divide the panels, or are too large";
    }
    if (s.stage != (key.in_layout == HALCONV_NCHW) || s.skip[0] || s.skip[1] || s.skip[2]) {
        return "winograd stages planes only and skips no border";
    }
    if (s.share && !phases_can_share(key)) {
        return "phases cannot share their transformed input";
    }
    return s.parallel == ParallelAxis::kChannelsAndPhases ? "the parallel loop is over rows or channels" : "";
}

}  // namespace

Positions output_positions(const halconv_key &key) {
    Positions positions;
    for (int d = 0; d < 3; d++) {
        bool by_phase = is_transposed(key);
        positions.most[d] = by_phase ? positions_of_phase(key.out[d], key.stride[d], 0) : key.out[d];
        positions.least[d] = by_phase ? least_positions_of_phases(key.out[d], key.stride[d]) : key.out[d];
    }
    return positions;
}

bool form_is_legal(const halconv_key &key, halconv_form form, halconv_numerics numerics) {
    bool transposed = is_transposed(key), nhwc_out = key.out_layout == HALCONV_NHWC;
    auto transforms = [&](int d) { return winograd_of_axis(form, transposed, key_axis(key, d)) != nullptr; };
    switch (form) {
    case HALCONV_FORM_DIRECT:
        return !transposed && !is_depthwise(key);
    case HALCONV_FORM_PHASE:
        return transposed && !is_depthwise(key);
    case HALCONV_FORM_DEPTHWISE:
        return key.group_in <= kMostFewChannels && key.groups != 1;
    case HALCONV_FORM_ROW_FUSED:
        return transposed && key.groups == 1 && nhwc_out && key.stride[2] > 1 && phases_alike(key_axis(key, 2));
    case HALCONV_FORM_INNER_PRODUCT:
        return nhwc_out && key.in_layout == HALCONV_NHWC && key.groups == 1 && key.group_out <= kMostInnerOutputs &&
               taps_adjoin(key_axis(key, 2), transposed);
    case HALCONV_FORM_WINOGRAD2:
    case HALCONV_FORM_WINOGRAD3:
    case HALCONV_FORM_WINOGRAD4:
        return numerics_allow(form, numerics) && !is_depthwise(key) && (transforms(1) || transforms(2));
    case HALCONV_FORM_PIXEL_LANES: {
        bool rows_in = key.in_layout == HALCONV_NCHW || key.groups * key.group_in == 1;
        bool rows_out = !nhwc_out || key.groups * key.group_out == 1;
        return rows_in && rows_out && key.kernel[2] <= kMostPixelTaps && (!transposed || whole_phases(key));
    }
    }
    return false;
}

std::string schedule_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    std::string fault = vectors_fault(key, target, s);
    fault = fault.empty() ? operands_fault(target, s) : fault;
    if (!fault.empty()) {
        return fault;
    }
    bool winograd = is_winograd(s.form);
    if ((s.share && s.form != HALCONV_FORM_INNER_PRODUCT && !winograd) ||
        (s.channels != 0 && !winograd && s.form != HALCONV_FORM_PIXEL_LANES) ||
        (s.prefetch_output && !is_tiled(s) && s.form != HALCONV_FORM_ROW_FUSED) || s.reference) {
        return "a parameter of another form";
    }
    switch (s.form) {
    case HALCONV_FORM_DEPTHWISE:
        return depthwise_fault(key, target, s);
    case HALCONV_FORM_ROW_FUSED:
        return row_fused_fault(key, target, s);
    case HALCONV_FORM_INNER_PRODUCT:
        return inner_product_fault(key, target, s);
    case HALCONV_FORM_PIXEL_LANES:
        return pixel_lanes_fault(key, target, s);
    default:
        return winograd ? winograd_fault(key, target, s) : tiled_fault(key, target, s);
    }
}

bool may_skip(const halconv_key &key, const Schedule &s, int d) {
    // Operands by lane leave the registers under a test for the border (94 % of the multiply bound, not 100, by llvm-mca).
    bool fused = s.form == HALCONV_FORM_ROW_FUSED;
    if ((!is_tiled(s) && !(fused && d != 2)) || stays_inside(key, d) || s.operand_lanes > 1) {
        return false;
    }
    if (tile_of(s, d) == 1 && d != 2) {
        return true;  // one test a tap
    }
    // The pixels of a tile must be known when the kernel is compiled.
    bool transposed = is_transposed(key);
    bool phases_apart = transposed && s.parallel == ParallelAxis::kChannelsAndPhases;
    bool one_box = !transposed || (one_phase_box(key.stride[d], key.out[d]) && !(d == 2 && interleaves_phases(key)));
    return !phases_apart && !(d == 2 && s.columns > 0) && key.group_in >= kFewestSkipChannels && one_box;
}

bool border_code_fits(const halconv_key &key, const Schedule &s) {
    int64_t copies = 1;
    for (int d = 0; d < 3; d++) {
        copies *= border_copies(key, s, d);
    }
    return copies == 1 || copies * s.tile_x * s.tile_y * s.vectors <= kMostUnrolledSteps;
}

bool must_stage(const halconv_key &key, const Schedule &s) {
    if (!reads_operands(key, s.operand_lanes)) {
        return true;
    }
    for (int d = 0; d < 3; d++) {
        if (!s.skip[d] && (!stays_inside(key, d) || key.residual != 0 || overhangs(key, s, d))) {
            return true;
        }
    }
    return false;
}

int64_t row_units(const halconv_key &key, const Schedule &s) {
    if (is_winograd(s.form)) {
        Schedule single = s;
        single.rows = 1;
        return winograd_tiles(key, s).blocks(single);
    }
    return output_positions(key).most[1];
}

int strip_length(const halconv_key &key, const Schedule &s, int64_t strips, int d) {
    int64_t units = d == 1 ? row_units(key, s) : output_positions(key).most[d];
    int64_t least = is_winograd(s.form) ? units : output_positions(key).least[d], tile = tile_of(s, d);
    int64_t length = divide_up(divide_up(units, strips), tile) * tile;
    while (strips_overlap(units, int(tile), int(length)) || strips_overlap(least, int(tile), int(length))) {
        length += tile;
    }
    return int(length);
}

int64_t most_panels(const halconv_key &key, const Schedule &s) {
    int64_t panels = divide_up(key.group_out, s.panel());
    return std::max<int64_t>(1, std::min<int64_t>(panels, kMostBlockChannels / s.panel()));
}

}  // namespace halconv
