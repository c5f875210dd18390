// Child processes: external programs (cc, objcopy) and forked workers.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace halconv {

struct ProgramText {
    std::string output, messages;  // stdout, stderr
};

// Runs a program found in PATH without a shell; returns what it wrote. Throws WorkError with the program's name and the
// first line of its stderr if it cannot start or ends with another status than 0.
ProgramText run_program_for_all(const std::vector<std::string> &arguments);

// Likewise; returns what it wrote on stdout.
std::string run_program(const std::vector<std::string> &arguments);

// Runs work(i) for each i of [0, count) in forked processes, at most `jobs` at a time, and calls done(i) in this process
// as each ends well. work reports failure by an exception. Throws WorkError with the text of the first failure, after
// the others that were running have ended.
void fork_each(int count, int jobs, const std::function<void(int)> &work, const std::function<void(int)> &done);

}  // namespace halconv
