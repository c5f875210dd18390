#include "tools/inspect/report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace halconv {

namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

std::string percent_text(const InspectedLoop &inspected, const std::string &core) {
    auto found = inspected.predictions.find(core);
    return found == inspected.predictions.end() ? "-" : fmt::format("{:.0f}", found->second.percent_of_peak());
}

std::string per_load_text(const InnerLoop &loop) {
    return loop.loads == 0 ? "-" : fmt::format("{:.2f}", loop.multiply_adds_per_load());
}

using Cells = std::vector<std::string>;

// Rows of cells as a Markdown table; the first row is its head, the first two columns are text.
std::string markdown(const std::vector<Cells> &rows) {
    std::vector<size_t> widths(rows[0].size(), 3);
    for (const Cells &row : rows) {
        for (size_t c = 0; c < row.size(); c++) {
            widths[c] = std::max(widths[c], row[c].size());
        }
    }
    std::string text;
    for (size_t r = 0; r < rows.size(); r++) {
        for (size_t c = 0; c < widths.size(); c++) {
            text += c < 2 ? fmt::format("| {:<{}} ", rows[r][c], widths[c])
                          : fmt::format("| {:>{}} ", rows[r][c], widths[c]);
        }
        text += "|\n";
        for (size_t c = 0; r == 0 && c < widths.size(); c++) {
            text += fmt::format("| {} ",
                                c < 2 ? ":" + std::string(widths[c] - 1, '-') : std::string(widths[c] - 1, '-') + ":");
        }
        text += r == 0 ? "|\n" : "";
    }
    return text;
}

// Name and value of each figure, in one order for all loops.
std::vector<std::pair<std::string, std::string>> figures(const InspectedLoop &inspected,
                                                         const std::vector<std::string> &cores) {
    const InnerLoop &loop = inspected.loop;
    std::vector<std::pair<std::string, std::string>> rows = {
        {"instructions", std::to_string(loop.instructions.size())},
        {"multiply-adds", std::to_string(loop.multiply_adds)},
        {"loads", std::to_string(loop.loads)},
        {"spills", std::to_string(loop.spills)},
        {"FMA per load", per_load_text(loop)},
        {"registers", std::to_string(loop.registers)},
        {"accumulators", std::to_string(loop.sums)},
        {"loops around it", std::to_string(loop.depth - 1)},
    };
    for (const std::string &core : cores) {
        auto found = inspected.predictions.find(core);
        bool known = found != inspected.predictions.end();
        rows.emplace_back(core, known ? fmt::format("{:.1f} cycles, {:.0f} % of peak", found->second.cycles,
                                                    found->second.percent_of_peak())
                                      : "-");
    }
    return rows;
}

}  // namespace

std::string loop_json(const InspectedLoop &inspected, bool place) {
    const InnerLoop &loop = inspected.loop;
    Json object = {{"name", inspected.name}, {"kernel", inspected.kernel}};
    if (place) {
        object["function"] = loop.function;
        object["depth"] = loop.depth;
    }
    object["instructions"] = loop.instructions.size();
    object["fma"] = loop.multiply_adds;
    if (loop.by_lane > 0) {
        object["fma_by_lane"] = loop.by_lane;
    }
    object["loads"] = loop.loads;
    object["spills"] = loop.spills;
    object["fma_per_load"] = loop.loads == 0 ? Json() : Json(rounded(loop.multiply_adds_per_load(), 100));
    object["registers"] = loop.registers;
    object["accumulators"] = loop.sums;
    object["predicted_cycles"] = Json::object();
    object["predicted_percent_of_peak"] = Json::object();
    for (const auto &[core, prediction] : inspected.predictions) {
        object["predicted_cycles"][core] = rounded(prediction.cycles, 100);
        object["predicted_percent_of_peak"][core] = rounded(prediction.percent_of_peak(), 10);
        if (place) {
            object["predicted_percent_of_needed"][core] = rounded(prediction.percent_of_needed(), 10);
        }
    }
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string loop_table(const std::vector<InspectedLoop> &loops, const std::vector<std::string> &cores) {
    std::vector<Cells> rows = {{"layer", "kernel", "instructions", "FMA", "loads", "spills", "FMA/load"}};
    rows[0].insert(rows[0].end(), cores.begin(), cores.end());
    for (const InspectedLoop &inspected : loops) {
        const InnerLoop &loop = inspected.loop;
        rows.push_back({inspected.name, inspected.kernel, std::to_string(loop.instructions.size()),
                        std::to_string(loop.multiply_adds), std::to_string(loop.loads), std::to_string(loop.spills),
                        per_load_text(loop)});
        for (const std::string &core : cores) {
            rows.back().push_back(percent_text(inspected, core));
        }
    }
    return markdown(rows);
}

std::string loop_listing(const std::vector<InspectedLoop> &loops, const std::vector<std::string> &cores) {
    constexpr size_t kLabelWidth = 16, kGap = 4;
    std::string text;
    size_t longest = 0, width = 24;
    for (size_t i = 0; i < loops.size(); i++) {
        text += fmt::format("{}: {}, layer {}\n   in {}\n", char('A' + i), loops[i].kernel, loops[i].name,
                            loops[i].loop.function);
        longest = std::max(longest, loops[i].loop.instructions.size());
        for (const Instruction &instruction : loops[i].loop.instructions) {
            width = std::max(width, instruction.text().size() + kGap);
        }
    }
    auto add_line = [&](const std::string &label, auto cell) {
        std::string line = fmt::format("{:<{}}", label, kLabelWidth);
        for (const InspectedLoop &inspected : loops) {
            line += fmt::format("{:<{}}", cell(inspected), width);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    };
    text += "\n";
    const auto rows = figures(loops[0], cores);
    for (size_t row = 0; row < rows.size(); row++) {
        add_line(rows[row].first, [&](const InspectedLoop &l) { return figures(l, cores)[row].second; });
    }
    text += "\n";
    for (size_t i = 0; i < longest; i++) {
        add_line("", [&](const InspectedLoop &l) {
            return i < l.loop.instructions.size() ? l.loop.instructions[i].text() : "";
        });
    }
    return text;
}

}  // namespace halconv
