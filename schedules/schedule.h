// Schedules: how a target computes a form. A Schedule is data; candidates() proposes them for a problem, best first,
// and apply() turns one into Halide directives on a generator's Funcs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"
#include "schedules/target.h"

namespace halconv {

// What a parallel loop runs over: strips of rows (or columns), z and batch; blocks of channels; these, z and the phases.
enum class ParallelAxis { kRows, kChannels, kChannelsAndPhases };

// Of GPU targets. A block of threads computes panel() channels of tile_y x tile_x pixels.
struct GpuSchedule {
    // How products reach a thread: panels of weights and inputs of a block, tap by tap, lie in shared memory; or the weights
    // of all taps and the inputs under all windows of the block's outputs do; or the thread loads its own.
    enum class Operands { kPanels, kWindows, kThread } operands = Operands::kPanels;
    int thread_x = 1, thread_y = 1, thread_c = 1;  // outputs of a thread
    int chunk = 1;                                 // input channels of a panel, a divisor of them
    // What a panel holds: the operands of one tap; of all x taps; or weights of all taps, and the inputs under all windows of
    // the block's outputs.
    enum class Taps { kOne, kRow, kAll } taps = Taps::kOne;
    int parts = 1;  // of the input channels: blocks of their own sum each, a second launch adds the parts
};

struct Schedule {
    halconv_form form = HALCONV_FORM_DIRECT;
    bool reference = false;      // the algorithm as the generator states it; nothing below applies
    int tile_x = 1, tile_y = 1;  // pixels of a register tile; winograd: output tiles of one
    int vectors = 1;             // vectors of lanes of a register tile
    int lanes = 1;               // f32 lanes of a vector
    int rows = 1;                // output rows that share one staged input block, a multiple of tile_y;
                                 // winograd: rows of tiles that share one V
    int columns = 0;             // positions on x that share one staged input block; 0: the whole row
    // winograd: output channels whose products are in scratch memory at one time, a multiple of panel(); pixel_lanes:
    // output channels of a register tile of tile_x = vectors * lanes pixels
    int channels = 0;
    ParallelAxis parallel = ParallelAxis::kRows;
    bool stage = true;  // copy the input, with its zero border, to scratch memory first
    bool skip[3] = {};  // axes z, y, x: taps outside the input are left out, not multiplied by zeros
    // Inner products: x taps of neighbouring positions share the inputs they load; winograd: the phases of a strip share V.
    bool share = false;
    // Input channels of a pixel that are loaded as a vector and multiplied by lane; 1: each is broadcast.
    int operand_lanes = 1;
    bool prefetch_output = false;         // fetch the lines that a tile stores when its sum begins
    std::optional<GpuSchedule> gpu = {};  // of GPU targets: then only form, tile and panel() apply beside it

    int panel() const { return vectors * lanes; }
};

// "phase", "direct", ...; "reference" for the reference.
constexpr int kFormCount = HALCONV_FORM_WINOGRAD3 + 1;
const char *form_name(halconv_form form);
std::string form_text(const Schedule &schedule);
// "1x1x14x2": tile of z, y, x pixels and vectors, as the kernel's name has it.
std::string tile_text(const Schedule &schedule);
// "tile 1x14 vectors 2x16 rows 8 parallel rows staged": every parameter.
std::string schedule_text(const Schedule &schedule);

struct Candidate {
    Schedule schedule;
    double predicted_percent;  // of the target's FMA peak by the model in model.cpp
};

// Every schedule of the target that is legal for `key` and of a form that `numerics` allows, best first by the analytic
// model; never empty. The key may have free fields; the model then assumes common sizes for them. Of a GPU target the key pins
// everything; throws std::runtime_error with one line where no schedule is legal.
std::vector<Candidate> candidates(const halconv_key &key, const TargetRow &target, halconv_numerics numerics);

// The reference: legal for every key and target.
Schedule reference_schedule(const halconv_key &key);

// Whether a tile is longer than the box with the fewest positions on axis d: then it ends beyond the output there.
bool overhangs(const halconv_key &key, const Schedule &schedule, int d);

// The least extents of an output box (z, y, x positions) that a kernel with this schedule accepts.
void least_extents(const halconv_key &key, const Schedule &schedule, int32_t extents[3]);

// How winograd covers the output, or each phase of it, with tiles of outputs_y x outputs_x positions.
struct WinogradTiles {
    int outputs_x, outputs_y;  // 1: the axis is not transformed
    int64_t x, y;              // tiles in a row and in a column
    // What a schedule's `rows` counts: rows of tiles or, where there is only one, register tiles of that row.
    int64_t block(const Schedule &s) const { return s.rows * (y > 1 ? x : s.tile_x); }
    int64_t blocks(const Schedule &s) const {
        int64_t units = y > 1 ? y : (x + s.tile_x - 1) / s.tile_x;
        return (units + s.rows - 1) / s.rows;
    }
};
WinogradTiles winograd_tiles(const halconv_key &key, const Schedule &schedule);
// Whether one call of a winograd kernel computes all phases of conv_transpose.
bool shares_input(const Schedule &schedule);

// Lanes of a block of packed weights.
int weights_panel(const halconv_key &key, const Schedule &schedule);

// Of depthwise schedules. Whether blocks of lanes that do not divide the channels shift inwards at the end, over one block
// of weights of all channels; else each has its block and the last is masked.
bool shifts_lanes(const halconv_key &key, const Schedule &schedule);
// Of depthwise conv_transpose: whether kernel calls fill all phases of every axis, and the x phases of a register tile.
bool whole_phases(const halconv_key &key);
// Row-fused: base coordinates of an output row of a key that pins it. Tiles that may pass the last read zeros there, which
// takes a staged input; others must divide them.
int64_t row_bases(const halconv_key &key);
bool row_tile_fits(const halconv_key &key, int tile_x, bool stage);
int tile_phases(const halconv_key &key);
// nchw output of conv_transpose: whether all x phases of a tile are stored together, as neighbours in memory.
bool interleaves_phases(const halconv_key &key);
// Whether the staged input is copied by whole rows of x, each with zeros before and after it: for pixel_lanes, and where
// the few channels of a pixel would not fill a vector.
bool stages_rows(const halconv_key &key, const Schedule &schedule);
// These zeros, in pixels; the x axis is pinned.
struct Margins {
    int32_t before, after;
};
Margins row_margins(const halconv_key &key);

}  // namespace halconv
