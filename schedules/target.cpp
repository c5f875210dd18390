#include "schedules/target.h"

#include <stdexcept>

#include "Halide.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

const std::vector<TargetRow> &target_rows() {
    constexpr int64_t kKiB = 1024;
    static const std::vector<TargetRow> rows = {
        {"x86-64", "x86-64", 0, 4, 16, 256 * kKiB, "any x86-64 processor (SSE2)"},
        {"x86-avx2", "x86-64-sse41-avx-avx2-fma-f16c", HALCONV_CPU_AVX2, 8, 16, 512 * kKiB,
         "AVX2 and FMA (Haswell, Zen and later)"},
        {"x86-avx512", "x86-64-sse41-avx-avx2-fma-f16c-avx512-avx512_skylake", HALCONV_CPU_AVX2 | HALCONV_CPU_AVX512,
         16, 32, 1024 * kKiB, "AVX-512 F, CD, DQ, BW, VL (Skylake-SP, Zen 4 and later)"},
    };
    return rows;
}

namespace {

constexpr const char *kSystems[] = {"linux", "windows", "macos"};

// What the machine that runs this program is, in Halide's words.
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

const TargetRow *best_row_of_host() {
    Halide::Target host = Halide::get_host_target();
    const TargetRow *best = nullptr;
    for (const TargetRow &row : target_rows()) {
        bool avx2 = host.has_feature(Halide::Target::AVX2) && host.has_feature(Halide::Target::FMA);
        bool avx512 = host.has_feature(Halide::Target::AVX512_Skylake);
        int32_t has = (avx2 ? HALCONV_CPU_AVX2 : 0) | (avx512 ? HALCONV_CPU_AVX512 : 0);
        if (host.arch == Halide::Target::X86 && (row.cpu_features & ~has) == 0) {
            best = &row;
        }
    }
    return best;
}

const TargetRow *find_row(const std::string &name) {
    if (name == "host") {
        return best_row_of_host();
    }
    for (const TargetRow &row : target_rows()) {
        if (row.name == name) {
            return &row;
        }
    }
    return nullptr;
}

}  // namespace

Target parse_target(const std::string &text) {
    std::string name = text, system = system_of_host();
    for (const char *candidate : kSystems) {
        std::string suffix = std::string("-") + candidate;
        if (text.size() > suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0) {
            name = text.substr(0, text.size() - suffix.size());
            system = candidate;
        }
    }
    const TargetRow *row = find_row(name);
    if (!row) {
        std::string known = "host";
        for (const TargetRow &r : target_rows()) {
            known += std::string(", ") + r.name;
        }
        throw std::invalid_argument("unknown target '" + text + "' (known: " + known +
                                    "; each may end in -linux, -windows or -macos)");
    }
    bool here = system == system_of_host();
    std::string halide = row->halide;
    size_t arch = halide.find('-', halide.find('-') + 1);  // "x86-64" holds one dash itself
    std::string halide_system = system == "macos" ? "osx" : system;
    halide = halide.substr(0, arch) + "-" + halide_system + (arch == std::string::npos ? "" : halide.substr(arch));
    return {row, row->name + (here ? std::string() : "-" + system), halide};
}

}  // namespace halconv
