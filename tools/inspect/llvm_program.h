// The programs of LLVM that inspect starts. halconv itself is built without LLVM; which core models can be believed was
// judged with this version (core_model.cpp).
#pragma once

#include <string>
#include <vector>

namespace halconv {

// Runs `program` of LLVM 19 ("llvm-mca" is llvm-mca-19) and returns its stdout. Throws WorkError; where the program is
// missing the text says what to install.
std::string run_llvm_program(const std::string &program, const std::vector<std::string> &arguments);

}  // namespace halconv
