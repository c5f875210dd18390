#include "tools/bench_report.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace halconv {

namespace {

using Json = nlohmann::ordered_json;

// Enough digits for any comparison, few enough to read.
double rounded(double value, int decimals) {
    const double scale = std::pow(10.0, decimals);
    return std::round(value * scale) / scale;
}

double significant(double value, int digits) {
    return value != 0 && std::isfinite(value) ? std::stod(fmt::format("{:.{}e}", value, digits - 1)) : value;
}

}  // namespace

std::string machine_json(const Machine &machine, const std::string &target) {
    Json levels = Json::array();
    for (const MemoryLevel &level : machine.levels) {
        Json row = {{"level", level.name}};
        if (level.capacity != MemoryLevel::kUnlimited) {
            row["bytes"] = level.capacity;
        }
        row["gbs"] = rounded(level.gbs, 1);
        levels.push_back(row);
    }
    Json body;
    if (machine.cores > 0) {
        body = {{"cpu", machine.cpu}, {"cores", machine.cores}};
        if (machine.clock_mhz > 0) {
            body["clock_mhz"] = rounded(machine.clock_mhz, 0);
        }
        body["threads"] = machine.threads;
        body["target"] = target;
        body["instructions"] = machine.instructions;
    } else {
        body = {{"device", machine.cpu}, {"target", target}};
    }
    body["fma_peak"] = rounded(machine.fma_peak, 1);
    body["read_gbs"] = levels;
    return Json{{"machine", body}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string line_json(const BenchLine &line) {
    Json object{{"name", line.name},
                {"op", line.op},
                {"kernel", line.kernel},
                {"time_us", rounded(line.time_us, 3)},
                {"gflops", rounded(line.gflops, 3)},
                {"percent_of_peak", rounded(line.percent_of_peak, 2)},
                {"percent_of_roofline", rounded(line.percent_of_roofline, 2)},
                {"max_error", significant(line.max_error, 4)},
                {"spread", rounded(line.spread, 4)}};
    if (line.default_time_us > 0) {
        object["origin"] = "record";
        object["default_time_us"] = rounded(line.default_time_us, 3);
    }
    return object.dump();
}

std::string machine_text(const Machine &machine, const std::string &target) {
    std::string levels;
    for (const MemoryLevel &level : machine.levels) {
        levels += fmt::format(", {} {:.0f}", level.name, level.gbs);
        if (level.capacity != MemoryLevel::kUnlimited) {
            levels += fmt::format(" (to {} MB)", double(level.capacity) / (1024 * 1024));
        }
    }
    if (machine.cores == 0) {
        return fmt::format("{}, {}: FMA peak {:.1f} GFLOP/s; reads in GB/s: {}", machine.cpu, target, machine.fma_peak,
                           levels.substr(2));
    }
    return fmt::format("{}, {} of {} cores, {}: FMA peak {:.1f} GFLOP/s a core ({}); reads in GB/s: {}", machine.cpu,
                       machine.threads, machine.cores, target, machine.fma_peak, machine.instructions,
                       levels.substr(2));
}

std::string table_head(const TableWidths &widths) {
    return fmt::format("| {:<{}} | {:<{}} | {:>10} | {:>8} | {:>6} | {:>10} | {:>9} | {:>6} | {:>10} |\n"
                       "| :{:-<{}} | :{:-<{}} | {:->9}: | {:->7}: | {:->5}: | {:->9}: | {:->8}: | {:->5}: | {:->9}: |",
                       "layer", widths.layer, "kernel", widths.kernel, "time us", "GFLOP/s", "% peak", "% roofline",
                       "max error", "spread", "vs default", "", widths.layer - 1, "", widths.kernel - 1, "", "", "", "",
                       "", "", "");
}

std::string table_row(const BenchLine &line, const TableWidths &widths) {
    const std::string gain =
        line.default_time_us > 0 ? fmt::format("{:.3f}x", line.default_time_us / line.time_us) : std::string("-");
    return fmt::format(
        "| {:<{}} | {:<{}} | {:>10.1f} | {:>8.1f} | {:>6.1f} | {:>10.1f} | {:>9.1e} | {:>6.3f} | {:>10} |", line.name,
        widths.layer, line.kernel, widths.kernel, line.time_us, line.gflops, line.percent_of_peak,
        line.percent_of_roofline, line.max_error, line.spread, gain);
}

}  // namespace halconv
