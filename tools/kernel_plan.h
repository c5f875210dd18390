// Which kernels a build consists of.
#pragma once

#include <string>
#include <vector>

#include "schedules/compile.h"
#include "tools/build.h"

namespace halconv {

struct KernelJob {
    CompileJob compile;
    std::string name, origin;  // in the kernel grammar; "default", "record" or "reference"
};

// The kernels of `layers` for options.targets, each once. Throws InputError for an unknown target.
std::vector<KernelJob> plan_kernels(const std::vector<Layer> &layers, const BuildOptions &options);

// A processor or a graphics processor; a processor. Throw InputError.
Target known_target(const std::string &text);
Target known_processor(const std::string &text);

// What --target names, if this processor runs it, or the host code of its kernels for a graphics processor. Throws InputError.
Target runnable_target(const std::string &text);

// The targets, all of one architecture and system: only their kernels can be in one library. Throws InputError.
std::vector<Target> one_platform(const std::vector<std::string> &texts);

// The built-in set for targets of one platform, the weakest first: free and common pinned keys, and the references that
// make every legal problem run. Throws InputError.
std::vector<KernelJob> builtin_kernels(const std::vector<std::string> &targets);

// Those of this architecture.
std::vector<std::string> builtin_targets();

// The key of a layer's problem, all of it pinned. Throws InputError where the problem is not legal.
halconv_key layer_key(const Layer &layer);

// Completes a job: name and symbol from the rest.
KernelJob make_job(const halconv_key &key, const Schedule &schedule, const Target &target, bool asserts);

}  // namespace halconv
