#include <CLI/CLI.hpp>

#include "tools/bench.h"

namespace halconv {

void add_timing_options(CLI::App &command, BenchOptions &options) {
    command.add_option("--threads", options.threads, "Threads of a plan; percentages are of as many cores")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    command.add_option("--numerics", options.numerics, "Numerics policy in place of the layers' own")
        ->check(CLI::IsMember({"strict", "default", "fast"}));
    command.add_option("--filter", options.filter, "Only layers whose name matches this regular expression");
    command.add_option("--kernel", options.kernel,
                       "Time every candidate kernel whose name contains this text, or matches it where it has * or ?");
    command.add_option("--min-time", options.min_time, "Seconds that each kernel runs")
        ->capture_default_str()
        ->check(CLI::Range(0.001, 60.0));
}

}  // namespace halconv
