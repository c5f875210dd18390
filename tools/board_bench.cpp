// `halconv bench` for a machine without halconv: layers and kernels are linked in. Prints the same JSON Lines.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <optional>
#include <sstream>

#include "board.h"
#include "board_kernels.h"
#include "board_layers.h"
#include "runtime/cpu_features.h"
#include "schedules/target.h"
#include "tools/bench.h"
#include "tools/board_records.h"
#include "tools/layer_object.h"

using namespace halconv;

namespace {

std::vector<Layer> linked_layers() {
    std::istringstream lines(kBoardLayers);
    std::vector<Layer> layers;
    for (std::string text; std::getline(lines, text);) {
        if (!text.empty() && text[0] == '{') {
            layers.push_back(parse_layer(text, [](const std::string &key) { return "linked layers, " + key; }));
        }
    }
    return layers;
}

BenchTarget target_of_board() {
    BenchTarget target{"", cpu_features()};
    for (const TargetRow &row : target_rows()) {
        target.name = row.builtin && runs_here(row) ? row.name : target.name;
    }
    return target;
}

}  // namespace

int main(int argc, char **argv) {
    CLI::App app{"Times the layers that are linked in on this machine; JSON Lines as of `halconv bench --json`"};
    BenchOptions options;
    options.json = true;
    add_timing_options(app, options);
    std::string file;
    app.add_option("--write-records", file,
                   "Also write the times as tuning records to this file, which `halconv build --records` reads");
    CLI11_PARSE(app, argc, argv);
    try {
        std::optional<BoardRecords> records;
        if (!file.empty()) {
            records.emplace(kBoardKernels, file, options.threads);
            options.timed = [&](const Layer &layer, const BenchLine &line) { records->add(layer, line); };
        }
        return bench_kernels(choose_layers(linked_layers(), options), {board_kernels(), nullptr}, target_of_board(),
                             options);
    } catch (const std::exception &e) {
        fmt::print(stderr, "halconv-bench: {}\n", e.what());
        return dynamic_cast<const InputError *>(&e) ? 2 : 1;
    }
}
