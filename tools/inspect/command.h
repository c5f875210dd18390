// `halconv inspect`: the inner loops of kernels.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace halconv {

struct InspectOptions {
    std::vector<std::string> inputs;  // LAYERS arguments and kernels' names
    std::vector<std::string> targets = {"host"};
    std::vector<std::string> patterns;  // not empty: every candidate kernel that matches one of these
    std::vector<std::string> cpus;      // names of core_models(); empty: all that suit
    bool all_loops = false;             // every inner loop, not only each kernel's hottest
    bool json = false;
};

// Prints the figures on stdout, and progress and remarks on stderr. The exit status: 0, or 1 where a kernel has no inner
// loop or a layer no kernel. Throws InputError and WorkError.
int inspect_kernels(const InspectOptions &options);

// Adds the subcommand to the program; `status` receives the result when the user chose it.
void add_inspect_command(CLI::App &program, int &status);

}  // namespace halconv
