#include "schedules/tuning/gpu_space.h"

#include <algorithm>

#include "schedules/gpu/legal.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

using Operands = GpuSchedule::Operands;
using Taps = GpuSchedule::Taps;

constexpr int kMostExtent = 1024, kMostChunk = 64, kMostParts = 64;
constexpr int kMostWindowChannels = 8, kMostRowChannels = 8;
constexpr int64_t kMostThreadSums = 128;  // of a thread, in registers; the most that was seen to fit them

// Powers of two up to the first that is no less than `most`, and at most `limit`.
std::vector<int> powers_around(int64_t most, int limit) {
    std::vector<int> values = {1};
    while (values.back() < most && values.back() < limit) {
        values.push_back(values.back() * 2);
    }
    return values;
}

std::vector<int> divisors(int number, int most) {
    std::vector<int> values;
    for (int v = 1; v <= std::min(number, most); v++) {
        if (number % v == 0) {
            values.push_back(v);
        }
    }
    return values;
}

halconv_form gpu_form(const halconv_key &key) {
    if (has_narrow_groups(key, kGpuVector)) {
        return HALCONV_FORM_DEPTHWISE;
    }
    return key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
}

std::string operands_fault(const halconv_key &key, const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    const bool depthwise = s.form == HALCONV_FORM_DEPTHWISE, panels = t.operands == Operands::kPanels;
    if (depthwise != (t.operands == Operands::kThread)) {
        return "operands do not suit the form";
    }
    if (!panels && (t.taps != Taps::kOne || t.parts != 1)) {
        return "taps and parts are of panels";
    }
    if (depthwise && t.chunk != 1) {
        return "a thread that loads for itself has no chunks";
    }
    if (t.taps == Taps::kRow && key.group_in > kMostRowChannels) {
        return "panels of a row of taps are for few input channels";
    }
    return "";
}

}  // namespace

FormSpace gpu_form_space(const halconv_key &key) {
    constexpr int kMostThreadX = 16, kMostThreadY = 4, kMostThreadC = 16, kMostThreads = 64;
    const halconv_form form = gpu_form(key);
    const bool depthwise = form == HALCONV_FORM_DEPTHWISE;
    const int64_t channels = int64_t(key.group_out) * (depthwise ? key.groups : 1);
    FormSpace space{form,
                    {{Knob::kThreadX, powers_around(positions(key, 2), kMostThreadX)},
                     {Knob::kThreadY, powers_around(positions(key, 1), kMostThreadY)},
                     {Knob::kThreadsX, powers_around(positions(key, 2), kMostThreads)},
                     {Knob::kThreadsY, powers_around(positions(key, 1), kMostThreads)},
                     {Knob::kThreadsC, powers_around(channels, kMostThreads)}}};
    if (depthwise) {
        space.parameters.push_back(
            {Knob::kThreadC, has_channel_vectors(key) ? std::vector<int>{1, kGpuVector} : std::vector<int>{1}});
        return space;
    }
    space.parameters.push_back({Knob::kThreadC, powers_around(channels, kMostThreadC)});
    space.parameters.push_back({Knob::kChunk, divisors(key.group_in, kMostChunk)});
    std::vector<int> taps = {int(Taps::kOne)};
    if (key.group_in <= kMostRowChannels) {
        taps.push_back(int(Taps::kRow));
    }
    if (key.op == HALCONV_CONV) {
        taps.push_back(int(Taps::kAll));
    }
    space.parameters.push_back({Knob::kTaps, taps});
    std::vector<int> parts;
    for (int p = 1; p <= kMostParts && key.group_in % p == 0; p *= 2) {
        parts.push_back(p);
    }
    space.parameters.push_back({Knob::kParts, parts});
    if (key.group_out <= kMostWindowChannels) {
        space.parameters.push_back({Knob::kOperands, {int(Operands::kPanels), int(Operands::kWindows)}});
    }
    return space;
}

std::string gpu_schedule_fault(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    if (!s.gpu) {
        return "the schedule is of a processor";
    }
    const GpuSchedule &t = *s.gpu;
    for (int extent : {s.tile_x, s.tile_y, s.vectors, t.thread_x, t.thread_y, t.thread_c, t.chunk, t.parts}) {
        if (extent < 1 || extent > kMostExtent) {
            return "an extent is out of range";
        }
    }
    if (std::string fault = operands_fault(key, s); !fault.empty()) {
        return fault;
    }
    if (thread_sums(key, s) > kMostThreadSums) {
        return "a thread has too many sums";
    }
    return gpu_illegality(key, s, target);
}

Schedule gpu_schedule_at(const halconv_key &key, halconv_form form, const KnobValues &point) {
    auto value = [&](Knob knob, int otherwise = 1) {
        auto found = point.find(knob);
        return found == point.end() ? otherwise : found->second;
    };
    const bool depthwise = form == HALCONV_FORM_DEPTHWISE;
    GpuSchedule t;
    t.operands = depthwise ? Operands::kThread : Operands(value(Knob::kOperands, int(Operands::kPanels)));
    t.thread_x = value(Knob::kThreadX), t.thread_y = value(Knob::kThreadY), t.thread_c = value(Knob::kThreadC);
    t.chunk = value(Knob::kChunk), t.parts = value(Knob::kParts);
    t.taps = Taps(value(Knob::kTaps, int(Taps::kOne)));
    int threads_c = value(Knob::kThreadsC);
    if (t.operands == Operands::kWindows) {
        t.thread_c = key.group_out, threads_c = 1;
        t.taps = Taps::kOne, t.parts = 1;
    }
    Schedule s;
    s.form = form;
    s.tile_x = t.thread_x * value(Knob::kThreadsX), s.tile_y = t.thread_y * value(Knob::kThreadsY);
    s.vectors = t.thread_c * threads_c;
    s.gpu = t;
    return s;
}

KnobValues gpu_point_of(const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    const BlockThreads threads = block_threads(s);
    return {{Knob::kThreadX, t.thread_x},      {Knob::kThreadY, t.thread_y}, {Knob::kThreadC, t.thread_c},
            {Knob::kThreadsX, threads.x},      {Knob::kThreadsY, threads.y}, {Knob::kThreadsC, threads.c},
            {Knob::kChunk, t.chunk},           {Knob::kTaps, int(t.taps)},   {Knob::kParts, t.parts},
            {Knob::kOperands, int(t.operands)}};
}

}  // namespace halconv
