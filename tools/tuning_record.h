// Tuning records: which schedule won for which problem. A file of records (schedules/tuned/TARGET.jsonl) is JSON Lines,
// sorted; each line is an object with the keys
//
//     problem           a layer's object (tools/layer_object.h); its name is a remark, other layers have the problem too
//     target            "x86-avx512"
//     form, schedule    "direct", {"tile_x": 14, ..}: every parameter of schedules/schedule.h; of GPU targets tile_x, tile_y,
//                       channels (of a block) and gpu, those of GpuSchedule
//     cpu, threads      of the machine that timed it; of GPU targets the graphics processor, and 1
//     time_us, spread   median, and (90th - 10th percentile) / median
//     default_time_us   of the analytic model's schedule, timed in turns with it
//     halide, schedule_version, algorithm_version
//
// One that was chosen by analysis of machine code (`halconv tune --cost static`) has no threads, time and spread; it has
//
//     measured          false
//     cpu               the core whose model was believed: "neoverse-n1"
//     cycles, default_cycles   of the hot loops (tools/inspect/static_cost.h)
//
// A candidate, what `halconv tune --candidate` reads, has the first four of these keys.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "schedules/schedule.h"
#include "tools/layer.h"
#include "tools/object_reader.h"

namespace halconv {

struct TuningCandidate {
    Layer layer;
    std::string target;  // as `--target` has it
    Schedule schedule;
};

struct TuningRecord {
    TuningCandidate candidate;
    std::string cpu;
    bool measured = true;
    int threads = 1;  // this and the next: where it was measured
    double time_us = 0, spread = 0, default_time_us = 0;
    double cycles = 0, default_cycles = 0;  // where it was not
    std::string halide;
    int schedule_version = 0, algorithm_version = 0;
    double speedup() const { return measured ? default_time_us / time_us : default_cycles / cycles; }
};

OrderedJson schedule_json(const Schedule &schedule);
OrderedJson candidate_json(const TuningCandidate &candidate);
OrderedJson record_json(const TuningRecord &record);

// From a JSON object that `place` ("records.jsonl:3") names in messages. Throws InputError: an unknown or missing key, a
// value of the wrong type, a bad problem or target. Whether the schedule is legal is not looked at.
Schedule parse_schedule(const std::string &form, const OrderedJson &object, const std::string &place);
TuningCandidate parse_candidate(const OrderedJson &object, const std::string &place);
TuningRecord parse_record(const OrderedJson &object, const std::string &place);

// Parses one JSON text, a line of a file or all of it; throws InputError with `place`.
OrderedJson parse_json(const std::string &text, const std::string &place);

// Why a record must not be used: another Halide, schedule version or algorithm, or a schedule that is not legal. Empty where
// it may be.
std::string stale_reason(const TuningRecord &record);

// Whether the record should hold on every processor of its target, not only on the one that timed it: it was timed, at least
// 5 % faster than the default schedule, and has vectors no narrower than that (half vectors cost Zen 4 nothing, others half
// the speed). Devices of OpenCL have nothing in common.
bool is_portable(const TuningRecord &record);

// The records that a build may use.
class TuningRecords {
  public:
    // Adds the records of a file but the stale ones; those that the user gave are used as they are. Throws InputError.
    void read(const std::filesystem::path &file, bool given = true);
    // The files of a folder, by name, not given by the user; none where there is no such folder.
    void read_folder(const std::filesystem::path &folder);
    // The record of this problem: one that the user gave; one that was timed on `cpu`, which is empty for kernels that are
    // not for this machine; one that is portable. Of several the one that was read first, or null.
    const TuningRecord *find(const halconv_key &key, const TargetRow &target, halconv_numerics numerics,
                             const std::string &cpu) const;
    int stale() const { return stale_; }
    const std::vector<TuningRecord> &all() const { return records_; }

  private:
    std::vector<TuningRecord> records_;
    std::vector<halconv_key> keys_;  // of records_
    std::vector<bool> given_;        // by the user; of records_
    int stale_ = 0;
};

// Where the records that come with halconv are: share/halconv/tuned beside the program's bin/.
std::filesystem::path committed_folder();

// Those of `file`, if its name is not empty, then those that come with halconv. `remark` receives a line about stale ones.
std::shared_ptr<const TuningRecords> records_to_use(const std::string &file, const Remark &remark);

// Writes records as a sorted file. Throws WorkError.
void write_records(const std::vector<TuningRecord> &records, const std::filesystem::path &file);

}  // namespace halconv
