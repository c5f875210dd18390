// `halconv bench`: builds the kernels of layers and times halconv_plan_run.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace halconv {

struct BenchOptions {
    std::vector<std::string> layers;  // LAYERS arguments
    std::string target = "host";
    int threads = 1;
    std::string numerics;  // "strict", "default", "fast"; empty: as each layer says
    std::string filter;    // regular expression on layer names; empty: all
    std::string kernel;    // not empty: every candidate kernel that matches this pattern, one line each
    std::string records;   // file of tuning records to use before those that come with halconv
    bool json = false;
    double min_time = 0.25;  // seconds that each kernel runs
};

// Prints the machine and a line for each kernel on stdout, and progress and remarks on stderr. The exit status: 0, or 1
// where a layer had no kernel, a result was wrong, or the user interrupted. Throws InputError and WorkError.
int run_bench(const BenchOptions &options);

// Adds the subcommand to the program; `status` receives run_bench's result when the user chose it.
void add_bench_command(CLI::App &program, int &status);

}  // namespace halconv
