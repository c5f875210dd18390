// The programs of LLVM that inspect starts. halconv itself is built without LLVM; which core models can be believed was
// judged with this version (core_model.cpp).
#pragma once

#include <string>
#include <vector>

namespace halconv {

constexpr char kDisassembler[] = "llvm-objdump", kAnalyser[] = "llvm-mca";

// Throws WorkError, with what to install, where `program` of LLVM 19 ("llvm-mca" is llvm-mca-19) is missing.
void require_llvm_program(const std::string &program);

// Runs `program` and returns its stdout. Throws WorkError as above, or with the first line of its stderr where it fails.
std::string run_llvm_program(const std::string &program, const std::vector<std::string> &arguments);

}  // namespace halconv
