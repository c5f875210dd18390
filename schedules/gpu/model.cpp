// The default GPU schedule by problem size. No time on a GPU was measured for it: the figures are of the assembled code
// (README) and of the launch.
#include "schedules/gpu/model.h"

#include <algorithm>
#include <stdexcept>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/gpu/legal.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

constexpr int kMostChunk = 64, kLongChunk = 32, kFewChannels = 8;
constexpr size_t kMostCandidates = 32;

// The largest divisor of the input channels up to `wanted`, multiples of 4 first; else, where that is small, the smallest one
// above.
int chunk_of(int channels, int wanted) {
    int best = 1;
    for (int chunk = 1; chunk <= wanted; chunk++) {
        bool vectors = channels % kGpuVector != 0 || chunk % kGpuVector == 0;
        best = channels % chunk == 0 && vectors ? chunk : best;
    }
    for (int chunk = wanted; chunk <= kMostChunk && best < kGpuVector && best < channels; chunk++) {
        best = channels % chunk == 0 ? chunk : best;
    }
    return best;
}

struct Tile {
    int pixels, channels;  // of a block
    int thread_pixels, thread_channels;
};

// The share of multiply-adds in the loop over panels of 32 channels is 90 % for the first, 79 % for 32 x 32 (ptxas 13.0, sm_90:
// tests/gpu/resources.jsonl). Smaller tiles leave less of a small grid's processors idle; the last four are for few channels.
constexpr Tile kTiles[] = {{128, 128, 8, 8}, {128, 64, 8, 8}, {64, 64, 8, 8}, {64, 64, 8, 4},
                           {64, 32, 8, 4},   {32, 32, 4, 4},  {64, 16, 4, 4}, {16, 16, 4, 4},
                           {256, 24, 8, 8},  {256, 8, 8, 8},  {256, 4, 8, 4}, {256, 1, 8, 1}};

// The most square power of two that a row of positions fills, at least a thread's pixels.
int tile_width(int64_t positions, int pixels, int least) {
    int width = least;
    while (width * 2 <= pixels && width < positions && width * width < 2 * pixels) {
        width *= 2;
    }
    return width;
}

Schedule with_tile(const halconv_key &key, const Tile &tile, int wanted_chunk, int parts = 1) {
    Schedule s;
    s.form = key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
    s.vectors = tile.channels;
    GpuSchedule gpu;
    gpu.thread_c = tile.thread_channels;
    bool single_row = positions(key, 1) == 1;
    bool narrow = !single_row && positions(key, 2) < tile.thread_pixels;
    gpu.thread_x = narrow ? std::min(kGpuVector, tile.thread_pixels) : tile.thread_pixels;
    gpu.thread_y = tile.thread_pixels / gpu.thread_x;
    s.tile_x = single_row ? tile.pixels : tile_width(positions(key, 2), tile.pixels, gpu.thread_x);
    s.tile_y = tile.pixels / s.tile_x;
    gpu.parts = parts;
    gpu.chunk = chunk_of(key.group_in / parts, wanted_chunk);
    bool few = key.group_in < kFewChannels && gpu.chunk == key.group_in;
    gpu.taps = few ? GpuSchedule::Taps::kRow : GpuSchedule::Taps::kOne;
    s.gpu = gpu;
    return s;
}

// Products of an output, the mean over the phases.
double reduction_of(const halconv_key &key) {
    double products = key.group_in;
    for (int d = 0; d < 3; d++) {
        products *= mean_taps(key_axis(key, d), key.op == HALCONV_CONV_TRANSPOSE);
    }
    return products;
}

// Whether so long panels are unrolled.
bool suitable_chunk(const halconv_key &key, const Schedule &s, int wanted) {
    bool single = s.gpu->chunk * s.gpu->parts == key.group_in;
    bool one_tap = s.gpu->taps == GpuSchedule::Taps::kOne && window_taps(key).count() == 1;
    // With a single long panel LLVM unrolls the loop over taps: up to 255 registers.
    bool long_one = single && wanted > kLongChunk;
    // With one tap too there is no loop, and LLVM holds all copies of the panels at once. Where the threads are no power of two
    // some copy more than others: up to 960 bytes of stack.
    bool uneven_copies = single && one_tap && (block_threads(s).count() & (block_threads(s).count() - 1)) != 0;
    // Single floats, each with the condition of its own place: 112 of them spilled.
    constexpr int64_t kMostSingles = 64;
    bool many_singles =
        input_vector(key, s) == 1 && input_panel_elements(key, s) > kMostSingles * block_threads(s).count();
    return !long_one && !uneven_copies && !many_singles && wanted * thread_sums(key, s) <= kUnrolledProducts;
}

// The longest panels that fit, for each tile and number of parts; `why` the last was illegal. Of all taps (Taps::kAll) none: they
// have up to 92 % multiply-adds instead of 90, but more registers, and which is faster only a GPU can tell.
std::vector<Schedule> panel_schedules(const halconv_key &key, const TargetRow &target, std::string &why) {
    std::vector<Schedule> legal;
    auto add_longest = [&](const Tile &tile, int parts) {
        for (int chunk : {64, 32, 16, 8}) {
            Schedule s = with_tile(key, tile, chunk, parts);
            if (!suitable_chunk(key, s, chunk)) {
                continue;
            }
            std::string illegal = gpu_illegality(key, s, target);
            if (illegal.empty()) {
                legal.push_back(s);
                return;
            }
            why = illegal;
        }
    };
    // Shorter sums than this would be over before the memory has answered (an estimate).
    constexpr double kLeastReduction = 256;
    const double reduction = reduction_of(key);
    auto worth_it = [&](int parts) { return parts == 1 || reduction >= kLeastReduction * parts; };
    for (int parts = 1; worth_it(parts) && key.group_in % parts == 0; parts *= 2) {
        for (const Tile &tile : kTiles) {
            add_longest(tile, parts);
        }
    }
    return legal;
}

// For few output channels, with `pixels` positions a thread: the longest chunks that fit. Empty where the schedule is illegal.
std::vector<Schedule> window_schedules(const halconv_key &key, const TargetRow &target, int pixels) {
    std::vector<Schedule> legal;
    for (int threads : {64, 32}) {
        for (int chunk : {8, 4, 2, 1}) {
            Schedule s = with_tile(key, {threads * pixels, key.group_out, pixels, key.group_out}, chunk);
            s.gpu->operands = GpuSchedule::Operands::kWindows, s.gpu->taps = GpuSchedule::Taps::kOne;
            if (gpu_illegality(key, s, target).empty()) {
                legal.push_back(s);
                break;
            }
        }
    }
    return legal;
}

// What a thread loads from shared memory, and a block copies there, for each product.
struct Traffic {
    double loads, copies;
};
Traffic traffic(const halconv_key &key, const Schedule &s) {
    double pixels = s.gpu->thread_x * s.gpu->thread_y, tile = s.tile_x * s.tile_y;
    if (s.gpu->operands == GpuSchedule::Operands::kWindows) {
        double outputs = double(key.group_out * position_phases(key));
        double products = outputs * tile * double(window_taps(key).count() * s.gpu->chunk);
        return {1.0 / outputs + 1.0 / pixels, double(window_elements(key, s)) / products};
    }
    return {1.0 / s.gpu->thread_c + 1.0 / pixels, 1.0 / s.panel() + 1.0 / tile};
}

// Threads of a processor under way at a time, of `blocks` blocks.
double threads_under_way(const halconv_key &key, const Schedule &s, const Gpu &gpu, int64_t blocks) {
    constexpr int64_t kOtherRegisters = 64, kReserved = 1024;  // beside a thread's sums; bytes of each block
    const int64_t threads = block_threads(s).count();
    int64_t registers = (thread_sums(key, s) + kOtherRegisters) * threads;
    int64_t fit = std::min(gpu.processor_threads / threads, gpu.processor_registers / registers);
    fit = std::min(fit, gpu.processor_shared_bytes / (shared_bytes(key, s) + kReserved));
    return double(std::min(blocks, std::max<int64_t>(fit, 1)) * threads);
}

// Cycles of a second launch, which adds the parts of the reduction, and of the partial sums on their way to L2 and back.
double parts_cycles(const halconv_key &key, const Schedule &s, const Gpu &gpu) {
    constexpr double kFloats = 16;  // of a processor a cycle, estimated
    bool split = s.gpu->parts > 1;
    return split ? gpu.launch_cycles + 2 * double(partial_elements(key, s)) / (kFloats * gpu.processors) : 0;
}

// A warp's threads lie along what is contiguous in memory.
Schedule depthwise_schedule(const halconv_key &key) {
    constexpr int kThreads = 128, kPixels = 4;
    Schedule s;
    s.form = HALCONV_FORM_DEPTHWISE;
    GpuSchedule gpu;
    gpu.operands = GpuSchedule::Operands::kThread;
    bool nhwc = key.in_layout == HALCONV_NHWC && key.out_layout == HALCONV_NHWC;
    int64_t channels = int64_t(key.groups) * key.group_out;
    gpu.thread_c = has_channel_vectors(key) ? kGpuVector : 1;
    gpu.thread_x = positions(key, 2) > 1 ? kPixels : 1;
    int most = nhwc ? 32 : 1, threads_c = 1, threads_x = 1, threads_y = 1;
    while (threads_c * 2 <= most && threads_c * gpu.thread_c < channels) {
        threads_c *= 2;
    }
    auto may_double = [&](int tile, int64_t extent) {
        return tile < extent && tile_overrun(extent, 2 * tile) <= kTileOverrun;
    };
    while (threads_c * threads_x * 2 <= kThreads && may_double(threads_x * gpu.thread_x, positions(key, 2))) {
        threads_x *= 2;
    }
    while (threads_c * threads_x * threads_y * 2 <= kThreads && may_double(threads_y, positions(key, 1))) {
        threads_y *= 2;
    }
    s.vectors = threads_c * gpu.thread_c;
    s.tile_x = threads_x * gpu.thread_x;
    s.tile_y = threads_y;
    s.gpu = gpu;
    return s;
}

// Of the multiply-adds that all processors could do in these cycles.
double predicted_percent(const halconv_key &key, const Schedule &s, const TargetRow &target) {
    double sums = double(key.batch) * key.groups * key.group_out * key.out[0] * key.out[1] * key.out[2];
    double most = gpu_cycles(key, s, target) * target.gpu->multiply_adds * target.gpu->processors;
    return 100 * sums * reduction_of(key) / most;
}

Candidate depthwise_candidate(const halconv_key &key, const TargetRow &target) {
    Schedule s = depthwise_schedule(key);
    std::string illegal = gpu_illegality(key, s, target);
    if (!illegal.empty()) {
        throw std::runtime_error(std::string(target.name) + ": " + illegal);
    }
    return {s, 0};
}

}  // namespace

// Cycles of the processor with the most blocks: products, each with its share of a thread's loads and of the panels' copies;
// more where too few threads are under way at a time to hide the latency of memory.
double gpu_cycles(const halconv_key &key, const Schedule &s, const TargetRow &target) {
    constexpr double kHidingThreads = 256, kCopy = 4;  // estimates; kCopy: products that an element's way takes
    const Gpu &gpu = *target.gpu;
    int64_t blocks = int64_t(key.batch) * key.groups * divide_up(key.group_out, s.panel()) * s.gpu->parts;
    for (int d = 0; d < 3; d++) {
        int64_t tile = d == 2 ? s.tile_x : d == 1 ? s.tile_y : 1;
        blocks *= axis_phases(key, d) * divide_up(positions(key, d), tile);
    }
    double sums = double(s.panel()) * s.tile_x * s.tile_y;
    if (s.gpu->operands == GpuSchedule::Operands::kWindows) {
        blocks /= position_phases(key), sums *= double(position_phases(key));
    }
    const int64_t of_processor = divide_up(blocks, gpu.processors);
    double busy = std::min(1.0, threads_under_way(key, s, gpu, of_processor) / kHidingThreads);
    Traffic t = traffic(key, s);
    double products = double(of_processor) * sums * reduction_of(key) / s.gpu->parts * (1 + t.loads + kCopy * t.copies);
    return products / (busy * gpu.multiply_adds) + parts_cycles(key, s, gpu);
}

std::vector<Candidate> gpu_candidates(const halconv_key &key, const TargetRow &target) {
    if (has_narrow_groups(key, kGpuVector)) {
        return {depthwise_candidate(key, target)};
    }
    std::string why;
    std::vector<Schedule> legal = panel_schedules(key, target, why);
    for (int pixels = 8; pixels >= 1 && key.group_out <= kFewChannels; pixels /= 2) {
        std::vector<Schedule> windows = window_schedules(key, target, pixels);
        legal.insert(legal.end(), windows.begin(), windows.end());
    }
    if (legal.empty()) {
        throw std::runtime_error(std::string(target.name) + ": " + why);
    }
    std::vector<Candidate> found;
    for (const Schedule &s : legal) {
        found.push_back({s, predicted_percent(key, s, target)});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate &a, const Candidate &b) { return a.predicted_percent > b.predicted_percent; });
    found.resize(std::min(found.size(), kMostCandidates));
    return found;
}

Schedule default_gpu_schedule(const halconv_key &key, const TargetRow &target) {
    return gpu_candidates(key, target).front().schedule;
}

}  // namespace halconv
