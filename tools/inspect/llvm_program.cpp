#include "tools/inspect/llvm_program.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "tools/layer.h"
#include "tools/process.h"

namespace halconv {

namespace {

constexpr char kVersion[] = "-19";

bool in_path(const std::string &program) {
    const char *path = std::getenv("PATH");
    std::istringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (access((folder + "/" + program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

void require_llvm_program(const std::string &program) {
    if (!in_path(program + kVersion)) {
        throw WorkError("the program " + program + kVersion + " is missing (Debian: apt-get install llvm-19)");
    }
}

std::string run_llvm_program(const std::string &program, const std::vector<std::string> &arguments) {
    require_llvm_program(program);
    std::vector<std::string> command = {program + kVersion};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_program(command);
}

}  // namespace halconv
