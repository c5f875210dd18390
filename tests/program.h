// Starts the `halconv` program that HALCONV_TEST_PROGRAM names.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/scratch.h"

namespace halconv {

struct ProgramResult {
    int status;  // -1 where a signal ended it
    std::string out, err;
};

inline ProgramResult start_halconv(const std::vector<std::string> &arguments) {
    Scratch scratch;
    std::string command = "'" HALCONV_TEST_PROGRAM "'";
    for (const std::string &argument : arguments) {
        command += " '" + argument + "'";
    }
    int ended = std::system((command + " </dev/null >" + (scratch / "out") + " 2>" + (scratch / "err")).c_str());
    auto text = [&](const char *name) {
        std::ifstream file(scratch / name, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    return {WIFEXITED(ended) ? WEXITSTATUS(ended) : -1, text("out"), text("err")};
}

}  // namespace halconv
