#include "tools/tune_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace halconv {

namespace {

constexpr size_t kNameWidth = 28;

std::string cut(const std::string &name) {
    return name.size() <= kNameWidth ? name : ".." + name.substr(name.size() - kNameWidth + 2);
}

std::string layer_line(const LayerState &layer) {
    std::string best = layer.time_us > 0 ? fmt::format("{:.1f} us", layer.time_us) : "-";
    std::string speed_up = layer.time_us > 0 ? fmt::format("{:.3f}x", layer.speed_up) : "-";
    return fmt::format("{:<{}} {:>6} {:>13} {:>9}{}{}", cut(layer.name), kNameWidth, layer.trials, best, speed_up,
                       layer.what.empty() ? "" : "  ", layer.what);
}

// The `count` layers that were in work last; of those that were not yet, the first.
std::vector<const LayerState *> latest(const std::vector<LayerState> &layers, size_t count) {
    std::vector<const LayerState *> found;
    for (const LayerState &layer : layers) {
        found.push_back(&layer);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const LayerState *a, const LayerState *b) { return a->turn > b->turn; });
    found.resize(std::min(found.size(), count));
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

std::vector<std::string> tune_table(const std::vector<LayerState> &layers, size_t rows) {
    if (rows < 2) {
        return {};
    }
    const std::vector<const LayerState *> shown = latest(layers, rows - 1);
    const std::string title =
        shown.size() < layers.size() ? fmt::format("{} of {} layers", shown.size(), layers.size()) : "layer";
    std::vector<std::string> lines = {
        fmt::format("{:<{}} {:>6} {:>13} {:>9}", title, kNameWidth, "trials", "best", "speed-up")};
    for (const LayerState *layer : shown) {
        lines.push_back(layer_line(*layer));
    }
    return lines;
}

}  // namespace halconv
