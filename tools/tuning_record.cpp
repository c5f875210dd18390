#include "tools/tuning_record.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "schedules/tuning/space.h"
#include "schedules/tuning/versions.h"
#include "tools/kernel_plan.h"
#include "tools/layer_object.h"
#include "tools/library.h"

namespace halconv {

namespace {

namespace fs = std::filesystem;

constexpr const char *kParallelWords[] = {"rows", "channels", "channels_and_phases"};  // by ParallelAxis
constexpr const char *kFormNotes =
    "direct, depthwise, phase, row_fused, winograd2, winograd3, winograd4, inner_product, pixel_lanes";

// Reads the keys of one object, each once; whatever was not read is unknown.
class Reader {
  public:
    Reader(const OrderedJson &object, std::string place) : object_(object), place_(std::move(place)) {
        if (!object.is_object()) {
            throw InputError(fmt::format("{}: expected a JSON object, not {}", place_, object.type_name()));
        }
    }

    bool has(const char *key) const { return object_.contains(key); }
    const OrderedJson &need(const char *key) {
        auto found = object_.find(key);
        if (found == object_.end()) {
            throw InputError(fmt::format("{}: key \"{}\" is missing", place_, key));
        }
        known_.emplace_back(key);
        return *found;
    }
    std::string text(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_string()) {
            fail(key, fmt::format("must be text, not {}", value.type_name()));
        }
        return value.get<std::string>();
    }
    int integer(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > INT32_MAX) {
            fail(key, fmt::format("must be an integer from 0 to 2^31 - 1, not {}", value.dump()));
        }
        return value.get<int>();
    }
    // Of keys that records from before them do not have.
    int integer_or(const char *key, int absent) { return object_.contains(key) ? integer(key) : absent; }
    double number(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_number() || value.get<double>() < 0) {
            fail(key, fmt::format("must be a number that is not negative, not {}", value.dump()));
        }
        return value.get<double>();
    }
    double positive(const char *key) {
        const double value = number(key);
        if (value == 0) {
            fail(key, "must not be 0");
        }
        return value;
    }
    bool flag(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_boolean()) {
            fail(key, fmt::format("must be true or false, not {}", value.dump()));
        }
        return value.get<bool>();
    }
    void end() const {
        for (const auto &[key, value] : object_.items()) {
            if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
                fail(key.c_str(), "is unknown");
            }
        }
    }
    [[noreturn]] void fail(const char *key, const std::string &reason) const {
        throw InputError(fmt::format("{}: key \"{}\" {}", place_, key, reason));
    }
    const std::string &place() const { return place_; }

  private:
    const OrderedJson &object_;
    std::string place_;
    std::vector<std::string> known_;
};

TuningCandidate read_candidate(Reader &reader) {
    TuningCandidate candidate;
    const OrderedJson &problem = reader.need("problem");
    candidate.layer =
        parse_layer(problem.dump(), [&](const std::string &) { return reader.place() + ": key \"problem\""; });
    candidate.target = reader.text("target");
    try {
        parse_target(candidate.target);
    } catch (const std::invalid_argument &e) {
        throw InputError(reader.place() + ": " + e.what());
    }
    std::string form = reader.text("form");
    candidate.schedule = parse_schedule(form, reader.need("schedule"), reader.place());
    return candidate;
}

// Nanoseconds, printed without binary's tail.
double short_time(double value) { return std::stod(fmt::format("{:.3f}", value)); }

}  // namespace

OrderedJson schedule_json(const Schedule &s) {
    std::string skip;
    for (int d = 0; d < 3; d++) {
        skip += s.skip[d] ? std::string(1, "zyx"[d]) : "";
    }
    OrderedJson object = {{"tile_x", s.tile_x},     {"tile_y", s.tile_y},
                          {"vectors", s.vectors},   {"lanes", s.lanes},
                          {"rows", s.rows},         {"columns", s.columns},
                          {"channels", s.channels}, {"parallel", kParallelWords[int(s.parallel)]},
                          {"stage", s.stage},       {"skip", skip},
                          {"share", s.share},       {"prefetch_output", s.prefetch_output}};
    if (s.operand_lanes > 1) {
        object["operand_lanes"] = s.operand_lanes;
    }
    return object;
}

Schedule parse_schedule(const std::string &form, const OrderedJson &object, const std::string &place) {
    Reader reader(object, place + ": key \"schedule\"");
    Schedule s;
    int of_name = 0;
    while (of_name < kFormCount && form != form_name(halconv_form(of_name))) {
        of_name++;
    }
    if (of_name == kFormCount) {
        throw InputError(fmt::format("{}: key \"form\" is \"{}\"; forms are {}", place, form, kFormNotes));
    }
    s.form = halconv_form(of_name);
    s.tile_x = reader.integer("tile_x"), s.tile_y = reader.integer("tile_y");
    s.vectors = reader.integer("vectors"), s.lanes = reader.integer("lanes");
    s.rows = reader.integer("rows"), s.columns = reader.integer("columns"), s.channels = reader.integer("channels");
    std::string parallel = reader.text("parallel"), skip = reader.text("skip");
    auto word = std::find(std::begin(kParallelWords), std::end(kParallelWords), parallel);
    if (word == std::end(kParallelWords)) {
        reader.fail("parallel", fmt::format("is \"{}\"; it can be: {}", parallel, fmt::join(kParallelWords, ", ")));
    }
    s.parallel = ParallelAxis(word - std::begin(kParallelWords));
    if (skip.find_first_not_of("zyx") != std::string::npos) {
        reader.fail("skip", "holds letters other than z, y and x");
    }
    for (int d = 0; d < 3; d++) {
        s.skip[d] = skip.find("zyx"[d]) != std::string::npos;
    }
    s.stage = reader.flag("stage"), s.share = reader.flag("share");
    s.prefetch_output = reader.flag("prefetch_output");
    s.operand_lanes = reader.integer_or("operand_lanes", 1);
    reader.end();
    return s;
}

OrderedJson candidate_json(const TuningCandidate &c) {
    return {{"problem", OrderedJson::parse(layer_json(c.layer))},
            {"target", c.target},
            {"form", form_name(c.schedule.form)},
            {"schedule", schedule_json(c.schedule)}};
}

OrderedJson record_json(const TuningRecord &r) {
    OrderedJson object = candidate_json(r.candidate);
    object["cpu"] = r.cpu;
    if (r.measured) {
        object["threads"] = r.threads;
        object["time_us"] = short_time(r.time_us);
        object["spread"] = short_time(r.spread);
        object["default_time_us"] = short_time(r.default_time_us);
    } else {
        object["measured"] = false;
        object["cycles"] = std::llround(r.cycles);
        object["default_cycles"] = std::llround(r.default_cycles);
    }
    object["halide"] = r.halide;
    object["schedule_version"] = r.schedule_version;
    object["algorithm_version"] = r.algorithm_version;
    return object;
}

TuningCandidate parse_candidate(const OrderedJson &object, const std::string &place) {
    Reader reader(object, place);
    TuningCandidate candidate = read_candidate(reader);
    reader.end();
    return candidate;
}

TuningRecord parse_record(const OrderedJson &object, const std::string &place) {
    Reader reader(object, place);
    TuningRecord record;
    record.candidate = read_candidate(reader);
    record.cpu = reader.text("cpu");
    record.measured = !reader.has("measured") || reader.flag("measured");
    if (record.measured) {
        record.threads = reader.integer("threads");
        record.time_us = reader.positive("time_us"), record.spread = reader.number("spread");
        record.default_time_us = reader.positive("default_time_us");
    } else {
        record.cycles = reader.positive("cycles"), record.default_cycles = reader.positive("default_cycles");
    }
    record.halide = reader.text("halide");
    record.schedule_version = reader.integer("schedule_version");
    record.algorithm_version = reader.integer("algorithm_version");
    reader.end();
    return record;
}

OrderedJson parse_json(const std::string &text, const std::string &place) {
    OrderedJson object = OrderedJson::parse(text, nullptr, false);
    if (object.is_discarded()) {
        throw InputError(place + ": not valid JSON");
    }
    return object;
}

std::string stale_reason(const TuningRecord &record) {
    if (record.halide != halide_version()) {
        return "Halide " + record.halide;
    }
    if (record.schedule_version != kScheduleVersion) {
        return fmt::format("schedule version {}", record.schedule_version);
    }
    if (record.algorithm_version != kAlgorithmVersion) {
        return fmt::format("algorithm version {}", record.algorithm_version);
    }
    const TuningCandidate &c = record.candidate;
    Target target = parse_target(c.target);
    return SearchSpace(layer_key(c.layer), *target.row, c.layer.numerics).fault(c.schedule);
}

bool is_portable(const TuningRecord &record) {
    constexpr double kLeastSpeedup = 1.05;
    const Layer &layer = record.candidate.layer;
    const TargetRow &target = *parse_target(record.candidate.target).row;
    return record.measured && record.speedup() >= kLeastSpeedup &&
           record.candidate.schedule.lanes >=
               candidates(layer_key(layer), target, layer.numerics).front().schedule.lanes;
}

void TuningRecords::read(const fs::path &path, bool given) {
    std::ifstream file(path);
    if (!file || fs::is_directory(path)) {
        throw InputError(path.string() + ": cannot be read");
    }
    std::string line;
    for (int number = 1; std::getline(file, line); number++) {
        if (line.empty()) {
            continue;
        }
        std::string place = fmt::format("{}:{}", path.string(), number);
        TuningRecord record = parse_record(parse_json(line, place), place);
        if (!stale_reason(record).empty()) {
            stale_++;
            continue;
        }
        keys_.push_back(layer_key(record.candidate.layer));
        records_.push_back(std::move(record));
        given_.push_back(given);
    }
}

const TuningRecord *TuningRecords::find(const halconv_key &key, const TargetRow &target, halconv_numerics numerics,
                                        const std::string &cpu) const {
    const TuningRecord *timed_here = nullptr, *portable = nullptr;
    for (size_t i = 0; i < records_.size(); i++) {
        const TuningRecord &record = records_[i];
        // The table's key is integers only.
        if (std::memcmp(&keys_[i], &key, sizeof key) != 0 || record.candidate.layer.numerics != numerics ||
            parse_target(record.candidate.target).row != &target) {
            continue;
        }
        if (given_[i]) {
            return &record;
        }
        timed_here = !timed_here && record.measured && record.cpu == cpu ? &record : timed_here;
        portable = !portable && is_portable(record) ? &record : portable;
    }
    return timed_here ? timed_here : portable;
}

void TuningRecords::read_folder(const fs::path &folder) {
    std::vector<fs::path> files;
    std::error_code none;
    for (const auto &entry : fs::directory_iterator(folder, none)) {
        if (entry.path().extension() == ".jsonl") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const fs::path &file : files) {
        read(file, false);
    }
}

fs::path committed_folder() {
    return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "share" / "halconv" / "tuned";
}

std::shared_ptr<const TuningRecords> records_to_use(const std::string &file, const Remark &remark) {
    auto records = std::make_shared<TuningRecords>();
    if (!file.empty()) {
        records->read(file);
    }
    records->read_folder(committed_folder());
    if (records->stale() > 0) {
        remark(fmt::format("{} stale tuning records ignored (other versions, or no longer legal)", records->stale()));
    }
    return records;
}

void write_records(const std::vector<TuningRecord> &records, const fs::path &file) {
    std::vector<std::string> lines;
    for (const TuningRecord &record : records) {
        lines.push_back(record_json(record).dump() + "\n");
    }
    std::sort(lines.begin(), lines.end());
    fs::path part = file;
    part += ".part";
    write_text(part, fmt::format("{}", fmt::join(lines, "")));
    fs::rename(part, file);
}

}  // namespace halconv
