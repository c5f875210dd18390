#include "tools/cache.h"

#include <unistd.h>
#include <xxhash.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>

#include "Halide.h"
#include "schedules/source_digest.h"
#include "tools/process.h"
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

// The digest of what decides the content of the job's object.
std::string job_digest(const KernelJob &job) {
    std::ostringstream text;
    text << job.name << '\n'
         << schedule_text(job.compile.schedule) << '\n'
         << job.compile.autoscheduler << '\n'
         << halide_target_text(job.compile) << '\n'
         << kSourceDigest << '\n'
         << HALIDE_VERSION_MAJOR << '.' << HALIDE_VERSION_MINOR << '.' << HALIDE_VERSION_PATCH;
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

void compile_to(const KernelJob &job, const fs::path &object) {
    fs::path part = object.parent_path() / (object.stem().string() + "." + std::to_string(getpid()) + ".part.o");
    try {
        compile_object(job.compile, part);
        rename_runtime(job.compile.target, part);
        fs::rename(part, object);
    } catch (const std::exception &e) {
        std::error_code ignored;
        fs::remove(part, ignored);
        throw WorkError(job.name + ": " + e.what());
    }
}

}  // namespace

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
