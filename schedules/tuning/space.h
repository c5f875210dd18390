// The search space of `halconv tune`: every parameter that the apply functions accept, and which of their combinations
// are legal for a problem.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "halconv/halconv.h"
#include "schedules/schedule.h"

namespace halconv {

// Used without the standard's distributions, whose results differ between libraries.
using Random = std::mt19937_64;

// What a search turns. kStrips and kColumnStrips stand for Schedule::rows and columns, so that they mean the same beside
// any tile; kPanels, panels of a block of channels, for Schedule::channels of winograd; kChannels for that of pixel_lanes.
enum class Knob {
    kTileX,
    kTileY,
    kVectors,
    kLanes,
    kStrips,
    kColumnStrips,
    kPanels,
    kChannels,
    kParallel,
    kStage,
    kSkipZ,
    kSkipY,
    kSkipX,
    kShare,
    kPrefetchOutput,
    kOperandLanes,
    // Of GPU targets: outputs of a thread, threads of a block, and the rest of GpuSchedule.
    kThreadX,
    kThreadY,
    kThreadC,
    kThreadsX,
    kThreadsY,
    kThreadsC,
    kChunk,
    kTaps,
    kParts,
    kOperands,
};
const char *knob_name(Knob knob);

struct Parameter {
    Knob knob;
    std::vector<int> values;  // ascending; kColumnStrips: 0 for whole rows
};

using KnobValues = std::map<Knob, int>;

struct FormSpace {
    halconv_form form;
    std::vector<Parameter> parameters;
};

// The schedules of one problem on one target. The key pins everything.
class SearchSpace {
  public:
    SearchSpace(const halconv_key &key, const TargetRow &target, halconv_numerics numerics);

    const std::vector<FormSpace> &forms() const { return forms_; }

    // Why the schedule is not legal here: one phrase; empty where it is legal.
    std::string fault(const Schedule &schedule) const;

    // A legal schedule drawn at random.
    Schedule draw(Random &random) const;
    // A legal schedule with one or two parameters of `schedule` changed.
    Schedule mutate(const Schedule &schedule, Random &random) const;
    // A legal schedule of parameters of both; of a's form.
    Schedule cross(const Schedule &a, const Schedule &b, Random &random) const;

    // The parameters of every form with their values, and what share of their combinations is legal: a line a form.
    std::string text() const;

  private:
    const FormSpace &space_of(halconv_form form) const;
    Schedule schedule_at(halconv_form form, const KnobValues &point) const;
    KnobValues point_of(const Schedule &schedule) const;
    KnobValues random_point(const FormSpace &space, Random &random) const;

    halconv_key key_;
    const TargetRow &target_;
    std::vector<FormSpace> forms_;
    Schedule default_;  // the model's best: where random changes find nothing legal
    int64_t least_jobs_ = 1;
};

// Tasks of the schedule's parallel loop.
int64_t parallel_jobs(const halconv_key &key, const Schedule &schedule);

}  // namespace halconv
