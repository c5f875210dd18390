#include "tools/tuning_record.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "schedules/tuning/space.h"
#include "schedules/tuning/versions.h"
#include "tools/kernel_plan.h"
#include "tools/layer_object.h"
#include "tools/library.h"
#include "tools/object_reader.h"

namespace halconv {

namespace {

namespace fs = std::filesystem;

TuningCandidate read_candidate(ObjectReader &reader) {
    TuningCandidate candidate;
    const OrderedJson &problem = reader.need("problem");
    candidate.layer =
        parse_layer(problem.dump(), [&](const std::string &) { return reader.place() + ": key \"problem\""; });
    candidate.target = reader.text("target");
    try {
        parse_any_target(candidate.target);
    } catch (const std::invalid_argument &e) {
        throw InputError(reader.place() + ": " + e.what());
    }
    std::string form = reader.text("form");
    candidate.schedule = parse_schedule(form, reader.need("schedule"), reader.place());
    return candidate;
}

}  // namespace

TuningCandidate parse_candidate(const OrderedJson &object, const std::string &place) {
    ObjectReader reader(object, place);
    TuningCandidate candidate = read_candidate(reader);
    reader.end();
    return candidate;
}

TuningRecord parse_record(const OrderedJson &object, const std::string &place) {
    ObjectReader reader(object, place);
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
    Target target = parse_any_target(c.target);
    return SearchSpace(layer_key(c.layer), *target.row, c.layer.numerics).fault(c.schedule);
}

bool is_portable(const TuningRecord &record) {
    constexpr double kLeastSpeedup = 1.05;
    const Layer &layer = record.candidate.layer;
    const TargetRow &target = *parse_any_target(record.candidate.target).row;
    const bool alike = !target.gpu || target.gpu->chip;
    return alike && record.measured && record.speedup() >= kLeastSpeedup &&
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
            parse_any_target(record.candidate.target).row != &target) {
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
