// Child processes that may hang, crash or take all memory: each costs its caller no more than the limits.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace halconv {

struct ProcessLimits {
    double seconds;        // of the wall clock
    int64_t memory_bytes;  // of address space; 0: no limit
};

struct ProcessEnd {
    std::string out;      // what it wrote: at most 64 KiB of it
    std::string failure;  // empty: it ended with status 0. Else in words: "ended by signal 11 (Segmentation fault)", ..
    bool timed_out = false;
};

// Runs a program found in PATH without a shell, in a process group of its own, with no input. Its stderr is this process'.
// At the end, or when time is up or stop() is true, whatever is left of the group is killed. Throws WorkError where it
// cannot be started.
ProcessEnd run_limited(const std::vector<std::string> &arguments, const ProcessLimits &limits, bool (*stop)());

// The same for a function, in a forked process; `out` is what it returned, `failure` also the text of its exception. The
// function may call restart_limit() between its steps.
ProcessEnd fork_limited(const std::function<std::string()> &work, int64_t memory_bytes);

// Kills this process when the one that started it ends, so that a killed tuner leaves no command behind.
void end_with_parent();

// In the function of fork_limited: from now on the process may live for so long; 0: without end.
void restart_limit(double seconds);

}  // namespace halconv
