#include "tools/cache.h"

#include <unistd.h>
#include <xxhash.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "Halide.h"
#include "schedules/gpu/legal.h"
#include "schedules/source_digest.h"
#include "tools/process.h"
#include "tools/scratch_folder.h"
#include "tools/toolchain.h"

namespace halconv {

namespace fs = std::filesystem;

fs::path cache_folder() {
    auto folder = [](const char *variable) -> fs::path {
        const char *value = std::getenv(variable);
        return value && *value ? value : "";
    };
    if (fs::path own = folder("HALCONV_CACHE"); !own.empty()) {
        return own;
    }
    if (fs::path xdg = folder("XDG_CACHE_HOME"); !xdg.empty()) {
        return xdg / "halconv";
    }
    if (fs::path home = folder("HOME"); !home.empty()) {
        return home / ".cache" / "halconv";
    }
    return fs::temp_directory_path() / "halconv-cache";
}

namespace {

// 32 hexadecimal digits.
std::string text_digest(const std::string &text) {
    XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    char digits[33];
    std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                  static_cast<unsigned long long>(hash.low64));
    return digits;
}

bool has_cuda_code(const KernelJob &job) {
    const Gpu *gpu = job.compile.target.row->gpu;
    return gpu && gpu->chip;
}

// The digest of what decides the content of the job's object.
std::string job_digest(const KernelJob &job) {
    std::ostringstream text;
    text << job.name << '\n'
         << schedule_text(job.compile.schedule) << '\n'
         << job.compile.autoscheduler << '\n'
         << halide_target_text(job.compile) << '\n'
         << kSourceDigest << '\n'
         << HALIDE_VERSION_MAJOR << '.' << HALIDE_VERSION_MINOR << '.' << HALIDE_VERSION_PATCH;
    if (job.compile.schedule.gpu) {
        text << '\n' << kDeviceSourceDigest;
    }
    if (has_cuda_code(job)) {
        text << '\n' << (cuda_toolkit() ? cuda_toolkit()->version : "PTX alone");
    }
    return text_digest(text.str());
}

// Kernels call Halide's runtime by the names of ours (runtime/core/kernel_table.h).
void rename_runtime(const Target &target, const fs::path &object) {
    constexpr const char *kHalide = "halide_", *kOurs = "halconv_rt_";
    Toolchain tools = toolchain_of(target);
    std::istringstream lines(run_program({tools.symbols, "--undefined-only", "--format=posix", object.string()}));
    std::vector<std::string> command = {tools.object_copy};
    for (std::string line; std::getline(lines, line);) {
        std::string symbol = line.substr(0, line.find(' '));
        size_t name = symbol.find(kHalide);  // 1 in Mach-O, which prefixes C names with _
        if (name > 1) {
            continue;
        }
        std::string ours = symbol.substr(0, name) + kOurs + symbol.substr(name + std::strlen(kHalide));
        command.push_back("--redefine-sym=" + symbol + "=" + ours);
    }
    if (command.size() == 1) {
        return;
    }
    command.push_back(object.string());
    run_program(command);
}

fs::path object_path(const fs::path &folder, const KernelJob &job) {
    std::string digest = job_digest(job);
    return folder / digest.substr(0, 2) / (digest + ".o");
}

void write_figures(const std::vector<ChipFigures> &chips, const fs::path &file) {
    nlohmann::json array = nlohmann::json::array();
    for (const ChipFigures &c : chips) {
        array.push_back({{"chip", c.chip},
                         {"registers", c.registers},
                         {"stack_bytes", c.stack_bytes},
                         {"spill_bytes", c.spill_bytes}});
    }
    write_text(file, array.dump() + "\n");
}

fs::path figures_path(fs::path object) { return object.replace_extension(".json"); }

// Writes `part`, and beside an object with machine code of NVIDIA's processors its figures.
void compile_part(const KernelJob &job, const fs::path &part) {
    if (!has_cuda_code(job) || !cuda_toolkit()) {
        compile_object(job.compile, part);
        return;
    }
    const Schedule &schedule = job.compile.schedule;
    compile_object(job.compile, part, [&](const std::string &ptx) {
        FatBinary binary = make_fat_binary(ptx, chips_from(job.compile.target.row->gpu->chip, *cuda_toolkit()),
                                           block_threads(schedule).count(), *cuda_toolkit());
        write_figures(binary.chips, figures_path(part));
        return binary.bytes;
    });
}

void compile_to(const KernelJob &job, const fs::path &object) {
    fs::path part = object.parent_path() / (object.stem().string() + "." + std::to_string(getpid()) + ".part.o");
    try {
        compile_part(job, part);
        rename_runtime(job.compile.target, part);
        if (fs::exists(figures_path(part))) {
            fs::rename(figures_path(part), figures_path(object));
        }
        fs::rename(part, object);
    } catch (const std::exception &e) {
        std::error_code ignored;
        fs::remove(part, ignored);
        fs::remove(figures_path(part), ignored);
        throw WorkError(job.name + ": " + e.what());
    }
}

}  // namespace

std::vector<ChipFigures> chip_figures(const fs::path &object) {
    std::vector<ChipFigures> chips;
    std::ifstream file(figures_path(object));
    if (!file) {
        return chips;
    }
    for (const nlohmann::json &chip : nlohmann::json::parse(file)) {
        chips.push_back({chip["chip"], chip["registers"], chip["stack_bytes"], chip["spill_bytes"]});
    }
    return chips;
}

std::vector<fs::path> compile_all(const std::vector<KernelJob> &jobs, int processes, const Progress &progress) {
    fs::path folder = cache_folder();
    std::vector<fs::path> objects;
    std::vector<int> missing;
    for (const KernelJob &job : jobs) {
        objects.push_back(object_path(folder, job));
        std::error_code error;
        fs::create_directories(objects.back().parent_path(), error);
        if (error) {
            throw WorkError("cache folder " + folder.string() + ": " + error.message());
        }
        if (!fs::exists(objects.back())) {
            missing.push_back(int(objects.size()) - 1);
        }
    }
    int done = int(jobs.size() - missing.size());
    auto report = [&](int index) {
        if (progress) {
            progress(++done, int(jobs.size()), jobs[size_t(missing[size_t(index)])].name);
        }
    };
    auto compile = [&](int index) {
        size_t job = size_t(missing[size_t(index)]);
        compile_to(jobs[job], objects[job]);
    };
    int cores = std::max(1, int(std::thread::hardware_concurrency()));
    fork_each(int(missing.size()), processes > 0 ? processes : cores, compile, report);
    return objects;
}

}  // namespace halconv
