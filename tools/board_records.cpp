#include "tools/board_records.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "tools/cpu_name.h"

namespace halconv {

BoardRecords::BoardRecords(const std::string &kernels, std::filesystem::path file, int threads)
    : kernels_(OrderedJson::parse(kernels)), file_(std::move(file)), threads_(threads) {}

void BoardRecords::add(const Layer &layer, const BenchLine &line) {
    auto kernel = std::find_if(kernels_.begin(), kernels_.end(),
                               [&](const OrderedJson &k) { return k.at("name") == line.kernel; });
    if (kernel == kernels_.end() || kernel->at("form") == "reference") {
        return;  // a record holds a schedule
    }
    TuningRecord record;
    const std::string form = kernel->at("form").get<std::string>();
    record.candidate = {layer, kernel->at("target").get<std::string>(),
                        parse_schedule(form, kernel->at("parameters"), line.kernel)};
    record.cpu = cpu_name();
    record.threads = threads_;
    record.time_us = line.time_us, record.spread = line.spread, record.default_time_us = line.time_us;
    record.halide = kernel->at("halide_version").get<std::string>();
    record.schedule_version = kernel->at("schedule_version").get<int>();
    record.algorithm_version = kernel->at("algorithm_version").get<int>();
    auto [place, added] = fastest_.try_emplace(layer_json(layer), record);
    if (!added && record.time_us < place->second.time_us) {
        place->second = record;
    }
    std::filesystem::path part = file_;
    part += ".part";
    std::ofstream out(part);
    for (const auto &[name, fastest] : fastest_) {
        out << record_json(fastest).dump() << '\n';
    }
    out.close();
    std::error_code failure;
    std::filesystem::rename(part, file_, failure);
    if (!out || failure) {
        throw WorkError(fmt::format("{}: cannot be written", file_.string()));
    }
}

}  // namespace halconv
