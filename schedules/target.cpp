#include "schedules/target.h"

#include <optional>
#include <stdexcept>

#include "Halide.h"
#include "runtime/cpu_features.h"

namespace halconv {

namespace {

// What kernels can be compiled for: an architecture of the rows on a system.
struct Platform {
    const char *arch, *system;
    const char *halide_system;
    const char *triple;  // C compiler's
};

constexpr Platform kPlatforms[] = {
    {"x86-64", "linux", "linux", "x86_64-linux-gnu"},
    {"x86-64", "windows", "windows", "x86_64-windows-gnu"},
    {"x86-64", "macos", "osx", "x86_64-apple-macosx"},
    {"arm-64", "linux", "linux", "aarch64-linux-gnu"},
    {"arm-64", "android", "android", "aarch64-linux-android21"},
    {"arm-64", "ios", "ios", "arm64-apple-ios"},
    {"arm-64", "macos", "osx", "arm64-apple-macosx"},
    {"arm-32", "linux", "linux", "armv7-linux-gnueabihf"},
    {"arm-32", "android", "android", "armv7a-linux-androideabi21"},
};

const char *system_of_host() {
    switch (Halide::get_host_target().os) {
    case Halide::Target::Windows:
        return "windows";
    case Halide::Target::OSX:
        return "macos";
    default:
        return "linux";
    }
}

const TargetRow *find_row(const std::string &name) {
    const TargetRow *found = nullptr;
    for (const TargetRow &row : target_rows()) {
        bool best = name == "host" && row.builtin && runs_here(row);  // so far
        found = best || row.name == name ? &row : found;
    }
    return found;
}

const TargetRow *find_gpu_row(const std::string &name) {
    for (const TargetRow &row : gpu_target_rows()) {
        if (row.name == name) {
            return &row;
        }
    }
    return nullptr;
}

std::string known_targets() {
    std::string known = "host", systems;
    for (const TargetRow &row : target_rows()) {
        known += std::string(", ") + row.name;
    }
    for (const TargetRow &row : gpu_target_rows()) {
        known += std::string(", ") + row.name;
    }
    for (const Platform &p : kPlatforms) {
        bool first = systems.find(p.arch) == std::string::npos;
        systems += first ? std::string(systems.empty() ? "" : "; ") + p.arch + " -" : " -";
        systems += p.system;
    }
    return "known: " + known + "; each may end in a system: " + systems;
}

}  // namespace

namespace {

// "cuda-sm90-linux" is row name and system.
struct TargetWords {
    std::string name, system;
};

TargetWords words_of(const std::string &text) {
    TargetWords words{text, system_of_host()};
    for (const Platform &p : kPlatforms) {
        std::string suffix = std::string("-") + p.system;
        if (text.size() > suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0) {
            words = {text.substr(0, text.size() - suffix.size()), p.system};
        }
    }
    return words;
}

std::optional<Target> on_platform(const TargetRow *row, const std::string &system) {
    for (const Platform &p : kPlatforms) {
        if (row && p.arch == std::string(row->arch) && p.system == system) {
            bool here = system == system_of_host();
            return Target{row, row->name + (here ? std::string() : "-" + system),
                          std::string(row->arch) + "-" + p.halide_system + row->features, p.triple,
                          here && row->arch == std::string(cpu_architecture())};
        }
    }
    return {};
}

}  // namespace

Target parse_target(const std::string &text) {
    const TargetWords words = words_of(text);
    if (std::optional<Target> target = on_platform(find_row(words.name), words.system)) {
        return *target;
    }
    if (find_gpu_row(words.name)) {
        throw std::invalid_argument("target '" + text +
                                    "' is a graphics processor: only build, run, bench and tune take one");
    }
    throw std::invalid_argument("unknown target '" + text + "' (" + known_targets() + ")");
}

Target parse_gpu_target(const std::string &text) {
    const TargetWords words = words_of(text);
    const TargetRow *row = find_gpu_row(words.name);
    if (!row) {
        throw std::invalid_argument("'" + text + "' is no graphics processor among the targets");
    }
    if (std::optional<Target> target = on_platform(row, words.system)) {
        return *target;
    }
    throw std::invalid_argument("target '" + text + "': no kernels for this system");
}

Target parse_any_target(const std::string &text) {
    return find_gpu_row(words_of(text).name) ? parse_gpu_target(text) : parse_target(text);
}

}  // namespace halconv
