#include "schedules/tuning/space.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "schedules/model_forms.h"
#include "schedules/tuning/gpu_space.h"
#include "schedules/tuning/legal.h"

namespace halconv {

namespace {

constexpr int64_t kLeastJobs = 4;  // of a parallel loop, where the default schedule has as many
constexpr int kMostDraws = 1000;   // of combinations, until one is legal

constexpr struct {
    Knob knob;
    const char *name;
} kKnobs[] = {{Knob::kTileX, "tile_x"},
              {Knob::kTileY, "tile_y"},
              {Knob::kVectors, "vectors"},
              {Knob::kLanes, "lanes"},
              {Knob::kStrips, "strips of rows"},
              {Knob::kColumnStrips, "strips of columns"},
              {Knob::kPanels, "panels of a block of channels"},
              {Knob::kChannels, "channels"},
              {Knob::kParallel, "parallel (rows, channels, channels and phases)"},
              {Knob::kStage, "stage"},
              {Knob::kSkipZ, "skip z"},
              {Knob::kSkipY, "skip y"},
              {Knob::kSkipX, "skip x"},
              {Knob::kShare, "share"},
              {Knob::kPrefetchOutput, "prefetch_output"},
              {Knob::kOperandLanes, "operand_lanes"},
              {Knob::kThreadX, "thread_x"},
              {Knob::kThreadY, "thread_y"},
              {Knob::kThreadC, "thread_c"},
              {Knob::kThreadsX, "threads on x"},
              {Knob::kThreadsY, "threads on y"},
              {Knob::kThreadsC, "threads on channels"},
              {Knob::kChunk, "chunk"},
              {Knob::kTaps, "taps (one, row, all)"},
              {Knob::kParts, "parts"},
              {Knob::kOperands, "operands (panels, windows)"}};

std::vector<int> up_to(int64_t most) {
    std::vector<int> values;
    for (int v = 1; v <= most; v++) {
        values.push_back(v);
    }
    return values;
}

std::vector<int> powers_up_to(int64_t first, int64_t most) {
    std::vector<int> values;
    for (int64_t v = first; v <= most; v *= 2) {
        values.push_back(int(v));
    }
    return values;
}

// Counts of strips: every small one, then steps of a third and a half.
std::vector<int> strip_counts(int64_t most) {
    std::vector<int> values;
    for (int v : {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, 96, 128}) {
        if (v <= most) {
            values.push_back(v);
        }
    }
    return values;
}

std::vector<Parameter> parameters_of(const halconv_key &key, const TargetRow &target, halconv_form form) {
    constexpr int kMostTileX = 28, kMostTileY = 4, kMostVectors = 8;
    Positions positions = output_positions(key);
    bool tiled = form == HALCONV_FORM_DIRECT || form == HALCONV_FORM_PHASE, depthwise = form == HALCONV_FORM_DEPTHWISE;
    bool winograd = is_winograd(form), inner = form == HALCONV_FORM_INNER_PRODUCT;
    Schedule of_form;
    of_form.form = form;
    int64_t tiles = winograd ? winograd_tiles(key, of_form).x * winograd_tiles(key, of_form).y : positions.most[2];
    bool pixels = form == HALCONV_FORM_PIXEL_LANES, fused = form == HALCONV_FORM_ROW_FUSED;
    std::vector<Parameter> found = {{Knob::kVectors, up_to(kMostVectors)},
                                    {Knob::kLanes, powers_up_to(4, target.vector_lanes)}};
    if (pixels) {  // tile_x is the vectors' pixels
        found.push_back({Knob::kChannels, up_to(std::min<int64_t>(target.registers, key.group_out))});
    } else {
        found.push_back({Knob::kTileX, up_to(std::min<int64_t>(kMostTileX, tiles))});
    }
    if (tiled || depthwise || pixels) {
        found.push_back({Knob::kTileY, up_to(std::min<int64_t>(kMostTileY, positions.most[1]))});
    }
    if (!fused) {
        found.push_back({Knob::kStrips, strip_counts(row_units(key, of_form))});
    }
    if (inner || (tiled && positions.most[1] == 1)) {
        std::vector<int> strips = strip_counts(positions.most[2]);
        strips.insert(strips.begin(), 0);
        found.push_back({Knob::kColumnStrips, strips});
    }
    if (winograd) {
        Schedule narrow = of_form;
        narrow.lanes = 4;
        found.push_back({Knob::kPanels, up_to(most_panels(key, narrow))});
    }
    if (tiled || winograd || (depthwise && key.op == HALCONV_CONV)) {
        found.push_back({Knob::kParallel, tiled ? std::vector<int>{0, 1, 2} : std::vector<int>{0, 1}});
    }
    if (tiled || inner || pixels || fused) {
        found.push_back({Knob::kStage, {0, 1}});
    }
    if (tiled || fused) {
        constexpr Knob kSkips[] = {Knob::kSkipZ, Knob::kSkipY, Knob::kSkipX};
        for (int d = 0; d < (fused ? 2 : 3); d++) {
            if (!stays_inside(key, d)) {
                found.push_back({kSkips[d], {0, 1}});
            }
        }
        found.push_back({Knob::kPrefetchOutput, {0, 1}});
    }
    if (inner || (winograd && phases_can_share(key))) {
        found.push_back({Knob::kShare, {0, 1}});
    }
    if (target.core.operand_lanes > 1 && (tiled || winograd || fused)) {
        found.push_back({Knob::kOperandLanes, {1, target.core.operand_lanes}});
    }
    return found;
}

// "1 .. 28" for a run of values, else each.
std::string values_text(const std::vector<int> &values) {
    bool run = values.size() > 2 && values.back() - values.front() == int(values.size()) - 1;
    return run ? fmt::format("{} .. {}", values.front(), values.back()) : fmt::format("{}", fmt::join(values, " "));
}

template <class T> const T &pick(const std::vector<T> &values, Random &random) {
    return values[size_t(random() % values.size())];
}

}  // namespace

const char *knob_name(Knob knob) {
    for (const auto &row : kKnobs) {
        if (row.knob == knob) {
            return row.name;
        }
    }
    return "?";
}

SearchSpace::SearchSpace(const halconv_key &key, const TargetRow &target, halconv_numerics numerics)
    : key_(key), target_(target), default_(candidates(key, target, numerics).front().schedule) {
    if (target.gpu) {
        forms_ = {gpu_form_space(key)};
        return;
    }
    for (halconv_form form : {HALCONV_FORM_DIRECT, HALCONV_FORM_DEPTHWISE, HALCONV_FORM_PHASE, HALCONV_FORM_ROW_FUSED,
                              HALCONV_FORM_WINOGRAD2, HALCONV_FORM_WINOGRAD3, HALCONV_FORM_WINOGRAD4,
                              HALCONV_FORM_INNER_PRODUCT, HALCONV_FORM_PIXEL_LANES}) {
        if (form_is_legal(key, form, numerics)) {
            forms_.push_back({form, parameters_of(key, target, form)});
        }
    }
    least_jobs_ = std::min(kLeastJobs, parallel_jobs(key, default_));
}

std::string SearchSpace::fault(const Schedule &schedule) const {
    bool known = std::any_of(forms_.begin(), forms_.end(), [&](const FormSpace &f) { return f.form == schedule.form; });
    if (!known) {
        return "the form does not compute this problem, or its numerics do not allow it";
    }
    if (target_.gpu) {
        return gpu_schedule_fault(key_, target_, schedule);
    }
    if (schedule.gpu) {
        return "the schedule is of a graphics processor";
    }
    std::string fault = schedule_fault(key_, target_, schedule);
    bool few = fault.empty() && parallel_jobs(key_, schedule) < least_jobs_;
    return few ? "fewer parallel tasks than the default schedule has" : fault;
}

const FormSpace &SearchSpace::space_of(halconv_form form) const {
    for (const FormSpace &space : forms_) {
        if (space.form == form) {
            return space;
        }
    }
    throw std::logic_error("a form outside of the space");
}

// Where choices hang together the dependent one follows: a border that cannot be left out is not, and what must be staged is.
Schedule SearchSpace::schedule_at(halconv_form form, const KnobValues &point) const {
    if (target_.gpu) {
        return gpu_schedule_at(key_, form, point);
    }
    auto value = [&](Knob knob, int otherwise) {
        auto found = point.find(knob);
        return found == point.end() ? otherwise : found->second;
    };
    Schedule s;
    s.form = form;
    s.tile_x = value(Knob::kTileX, 1), s.tile_y = value(Knob::kTileY, 1);
    s.vectors = value(Knob::kVectors, 1), s.lanes = value(Knob::kLanes, target_.vector_lanes);
    s.parallel = ParallelAxis(value(Knob::kParallel, int(ParallelAxis::kRows)));
    s.operand_lanes = value(Knob::kOperandLanes, 1);
    s.share = value(Knob::kShare, 0) != 0, s.prefetch_output = value(Knob::kPrefetchOutput, 0) != 0;
    if (int strips = value(Knob::kStrips, 0)) {
        s.rows = strip_length(key_, s, strips, 1);
    }
    if (int strips = value(Knob::kColumnStrips, 0); strips > 0 && s.parallel == ParallelAxis::kRows) {
        s.columns = strip_length(key_, s, strips, 2);
    }
    s.channels = value(Knob::kPanels, 0) * s.panel() + value(Knob::kChannels, 0);
    s.tile_x = form == HALCONV_FORM_PIXEL_LANES ? s.panel() : s.tile_x;
    s.stage = value(Knob::kStage, form == HALCONV_FORM_DEPTHWISE || key_.in_layout == HALCONV_NHWC ? 0 : 1) != 0;
    constexpr Knob kSkips[] = {Knob::kSkipZ, Knob::kSkipY, Knob::kSkipX};
    for (int d = 0; d < 3; d++) {
        s.skip[d] = value(kSkips[d], 0) != 0 && may_skip(key_, s, d);
    }
    if (form == HALCONV_FORM_DEPTHWISE) {
        s.skip[1] = key_.op == HALCONV_CONV && s.tile_y == 1;
    } else if (form == HALCONV_FORM_DIRECT || form == HALCONV_FORM_PHASE) {
        s.stage = s.stage || must_stage(key_, s);
    }
    return s;
}

KnobValues SearchSpace::point_of(const Schedule &s) const {
    if (s.gpu) {
        return gpu_point_of(s);
    }
    KnobValues point;
    for (const Parameter &p : space_of(s.form).parameters) {
        switch (p.knob) {
        case Knob::kTileX:
            point[p.knob] = s.tile_x;
            break;
        case Knob::kTileY:
            point[p.knob] = s.tile_y;
            break;
        case Knob::kVectors:
            point[p.knob] = s.vectors;
            break;
        case Knob::kLanes:
            point[p.knob] = s.lanes;
            break;
        case Knob::kStrips:
            point[p.knob] = int(divide_up(row_units(key_, s), s.rows));
            break;
        case Knob::kColumnStrips:
            point[p.knob] = s.columns == 0 ? 0 : int(divide_up(output_positions(key_).most[2], s.columns));
            break;
        case Knob::kPanels:
            point[p.knob] = s.channels / s.panel();
            break;
        case Knob::kChannels:
            point[p.knob] = s.channels;
            break;
        case Knob::kParallel:
            point[p.knob] = int(s.parallel);
            break;
        case Knob::kStage:
            point[p.knob] = s.stage;
            break;
        case Knob::kSkipZ:
        case Knob::kSkipY:
        case Knob::kSkipX:
            point[p.knob] = s.skip[int(p.knob) - int(Knob::kSkipZ)];
            break;
        case Knob::kShare:
            point[p.knob] = s.share;
            break;
        case Knob::kPrefetchOutput:
            point[p.knob] = s.prefetch_output;
            break;
        case Knob::kOperandLanes:
            point[p.knob] = s.operand_lanes;
            break;
        default:  // of GPU targets
            break;
        }
    }
    return point;
}

KnobValues SearchSpace::random_point(const FormSpace &space, Random &random) const {
    KnobValues point;
    for (const Parameter &p : space.parameters) {
        point[p.knob] = pick(p.values, random);
    }
    return point;
}

Schedule SearchSpace::draw(Random &random) const {
    for (int i = 0; i < kMostDraws; i++) {
        const FormSpace &space = pick(forms_, random);
        Schedule drawn = schedule_at(space.form, random_point(space, random));
        if (fault(drawn).empty()) {
            return drawn;
        }
    }
    return default_;
}

Schedule SearchSpace::mutate(const Schedule &schedule, Random &random) const {
    const FormSpace &space = space_of(schedule.form);
    for (int i = 0; i < kMostDraws; i++) {
        KnobValues point = point_of(schedule);
        for (uint64_t changes = 1 + random() % 2; changes > 0; changes--) {
            const Parameter &p = pick(space.parameters, random);
            // To a neighbouring value as often as to any.
            auto at = std::lower_bound(p.values.begin(), p.values.end(), point[p.knob]) - p.values.begin();
            auto next = at + (random() % 2 ? 1 : -1);
            bool near = random() % 2 && next >= 0 && next < int64_t(p.values.size());
            point[p.knob] = near ? p.values[size_t(next)] : pick(p.values, random);
        }
        Schedule changed = schedule_at(schedule.form, point);
        if (fault(changed).empty() && schedule_text(changed) != schedule_text(schedule)) {
            return changed;
        }
    }
    return draw(random);
}

Schedule SearchSpace::cross(const Schedule &a, const Schedule &b, Random &random) const {
    if (a.form == b.form) {
        KnobValues point = point_of(a), other = point_of(b);
        for (auto &[knob, value] : point) {
            value = random() % 2 ? other[knob] : value;
        }
        Schedule crossed = schedule_at(a.form, point);
        if (fault(crossed).empty()) {
            return crossed;
        }
    }
    return mutate(a, random);
}

std::string SearchSpace::text() const {
    constexpr int kSample = 2000;
    std::string text;
    for (const FormSpace &space : forms_) {
        Random random(1);
        int legal = 0;
        for (int i = 0; i < kSample; i++) {
            legal += fault(schedule_at(space.form, random_point(space, random))).empty();
        }
        double combinations = 1;
        std::string parameters;
        for (const Parameter &p : space.parameters) {
            combinations *= double(p.values.size());
            parameters += fmt::format("; {} {}", knob_name(p.knob), values_text(p.values));
        }
        text += fmt::format("{}: {:.3g} combinations, {:.1f} % of {} drawn are legal{}\n", form_name(space.form),
                            combinations, 100.0 * legal / kSample, kSample, parameters);
    }
    return text;
}

int64_t parallel_jobs(const halconv_key &key, const Schedule &s) {
    Positions positions = output_positions(key);
    int64_t images = key.batch * positions.most[0], strips = divide_up(row_units(key, s), s.rows);
    int64_t panels = divide_up(key.group_out, s.panel()), columns = 1, phases[3];
    for (int d = 0; d < 3; d++) {
        phases[d] = key.op == HALCONV_CONV_TRANSPOSE ? std::min<int64_t>(key.stride[d], key.out[d]) : 1;
    }
    if (interleaves_phases(key)) {
        phases[2] = 1;
    }
    if (s.columns > 0) {
        columns = divide_up(positions.most[2], s.columns);
    }
    switch (s.form) {
    case HALCONV_FORM_ROW_FUSED:
        return phases[0] * phases[1];
    case HALCONV_FORM_INNER_PRODUCT:
        return images * strips * columns * phases[0];
    case HALCONV_FORM_PIXEL_LANES:
        return images * strips;
    case HALCONV_FORM_DEPTHWISE:
        panels = divide_up(int64_t(key.groups) * key.group_out, s.panel());
        return images * strips * (s.parallel == ParallelAxis::kChannels ? panels : 1);
    case HALCONV_FORM_WINOGRAD2:
    case HALCONV_FORM_WINOGRAD3:
    case HALCONV_FORM_WINOGRAD4:
        return s.parallel == ParallelAxis::kRows ? images * strips : divide_up(key.group_out, s.channels);
    default:
        break;
    }
    if (s.parallel == ParallelAxis::kRows) {
        return images * (s.columns > 0 ? columns : strips);
    }
    int64_t blocks = panels * key.groups;
    return s.parallel == ParallelAxis::kChannels ? blocks
                                                 : blocks * positions.most[0] * phases[0] * phases[1] * phases[2];
}

}  // namespace halconv
