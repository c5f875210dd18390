// From layers to kernels: keys, parallel compilation, the cache, the static library, and a loadable set for the program itself.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "halconv/halconv.h"
#include "tools/layer.h"

namespace halconv {

// Called after each compiled kernel: how many are done, of how many, and the one that just ended.
using Progress = std::function<void(int done, int total, const std::string &kernel)>;

class TuningRecords;  // tools/tuning_record.h
struct KernelJob;     // tools/kernel_plan.h

struct BuildOptions {
    std::vector<std::string> targets;              // as the user wrote them
    int jobs = 0;                                  // parallel compiler processes; 0: one a core
    bool asserts = false;                          // keep Halide's run-time checks in the kernels
    bool all_candidates = false;                   // every candidate schedule of each layer, not only the best
    std::shared_ptr<const TuningRecords> records;  // whose schedules come before the model's; may be null
    std::string kernel;                            // only kernels whose name contains this text
    Progress progress;
};

// Builds libNAME.a, NAME.h and NAME.json for `layers` in `folder`. Nothing is left behind on failure.
// Throws InputError (unknown target, bad name, folder that cannot be written) or WorkError (a kernel did not compile).
void build_library(const std::vector<Layer> &layers, const BuildOptions &options, const std::filesystem::path &folder,
                   const std::string &name);

// The built-in set for options.targets, or those of this architecture, as libhalconv_builtin.a in
// `folder`; defines halconv_builtin_kernels().
void build_builtin_library(const BuildOptions &options, const std::filesystem::path &folder);

// Builds the kernels of `layers` as a shared object that exports loaded_kernels(). Throws as build_library does, and
// InputError for a target of another platform than this program's.
void build_shared(const std::vector<Layer> &layers, const BuildOptions &options, const std::filesystem::path &shared);

// Kernels of `layers`, built (or taken from the cache) and loaded into this process. Throws as build_library does.
class LoadedKernels {
  public:
    LoadedKernels(const std::vector<Layer> &layers, const BuildOptions &options);
    LoadedKernels(const std::vector<KernelJob> &jobs, const BuildOptions &options);  // these, of options the rest
    ~LoadedKernels();
    LoadedKernels(const LoadedKernels &) = delete;
    LoadedKernels &operator=(const LoadedKernels &) = delete;
    const halconv_kernel_set *set() const;

  private:
    LoadedKernels();
    void load(const std::filesystem::path &shared);

    struct State;
    std::unique_ptr<State> state_;
};

// One candidate schedule for a layer on a target, best first in candidate lists (`halconv explain`).
struct CandidateSummary {
    std::string kernel;        // the kernel's name in the grammar
    std::string form;          // "phase"
    std::string schedule;      // "tile 1x1x14 vectors 2 rows 8"
    double predicted_percent;  // of the target's FMA peak, by the analytic model
};
std::vector<CandidateSummary> layer_candidates(const Layer &layer, const std::string &target);

}  // namespace halconv
