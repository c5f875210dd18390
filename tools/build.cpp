#include "tools/build.h"

#include <cctype>

#include "tools/cache.h"
#include "tools/kernel_plan.h"
#include "tools/library.h"
#include "tools/scratch_folder.h"
#include "tools/table.h"

namespace halconv {

namespace fs = std::filesystem;

namespace {

void check_name(const std::string &name) {
    bool good = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0]));
    for (char c : name) {
        good = good && (std::isalnum(static_cast<unsigned char>(c)) || c == '_');
    }
    if (!good) {
        throw InputError("name '" + name + "' is not a C identifier (letters, digits, _)");
    }
}

// The deepest folder of `folder` that did not exist before this made it; empty if all existed.
fs::path make_folders(const fs::path &folder) {
    fs::path first;
    for (fs::path p = fs::absolute(folder); !fs::exists(p); p = p.parent_path()) {
        first = p;
    }
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        throw InputError(folder.string() + ": cannot make this folder: " + error.message());
    }
    if (!fs::is_directory(folder)) {
        throw InputError(folder.string() + ": not a folder");
    }
    return first;
}

KernelLibrary compile_library(const std::vector<KernelJob> &jobs, const BuildOptions &options, const std::string &name,
                              const std::string &function) {
    if (jobs.empty()) {
        throw InputError("nothing to build: no layer, or no kernel matches");
    }
    return {jobs, compile_all(jobs, options.jobs, options.progress), name, function};
}

void write_library(const KernelLibrary &library, const fs::path &folder) {
    ScratchFolder part(folder);
    std::string archive = "lib" + library.name + ".a", header = library.name + ".h", report = library.name + ".json";
    write_archive(library, part.path() / archive);
    write_text(part.path() / report, table_report(library.jobs, library.objects));
    write_text(part.path() / header, table_header(library.name));
    for (const std::string &file : {archive, report, header}) {
        fs::rename(part.path() / file, folder / file);
    }
}

}  // namespace

void build_library(const std::vector<Layer> &layers, const BuildOptions &options, const fs::path &folder,
                   const std::string &name) {
    check_name(name);
    std::vector<KernelJob> jobs = plan_kernels(layers, options);
    fs::path made = make_folders(folder);
    try {
        ScratchFolder writable(folder);  // fails before the long work
        write_library(compile_library(jobs, options, name, name + "_kernels"), folder);
    } catch (...) {
        std::error_code ignored;
        if (!made.empty()) {
            fs::remove_all(made, ignored);
        }
        throw;
    }
}

void build_builtin_library(const BuildOptions &options, const fs::path &folder) {
    make_folders(folder);
    write_library(compile_library(builtin_kernels(options.targets.empty() ? builtin_targets() : options.targets),
                                  options, "halconv_builtin", "halconv_builtin_kernels"),
                  folder);
}

void build_shared(const std::vector<Layer> &layers, const BuildOptions &options, const fs::path &shared) {
    for (const Target &target : one_platform(options.targets)) {
        if (!target.native) {
            throw InputError("target " + target.name + ": this machine cannot load its kernels");
        }
    }
    write_shared(compile_library(plan_kernels(layers, options), options, "loaded", "loaded_kernels"), shared);
}

LoadedKernels::LoadedKernels(const std::vector<KernelJob> &jobs, const BuildOptions &options) : LoadedKernels() {
    ScratchFolder folder(fs::temp_directory_path());
    fs::path shared = folder.path() / "kernels.so";
    write_shared(compile_library(jobs, options, "loaded", "loaded_kernels"), shared);
    load(shared);
}

}  // namespace halconv
