// The programs that handle objects: for this machine's platform the system's own, for another clang and LLVM's tools, which
// read and write the objects of all.
#pragma once

#include <string>
#include <vector>

#include "schedules/target.h"

namespace halconv {

struct Toolchain {
    std::vector<std::string> compiler;  // of C: a program and its first arguments
    std::string archiver, symbols, object_copy, size;
};

// $CC, where it is set, is the compiler for every platform, and must produce objects for the one that is built.
Toolchain toolchain_of(const Target &target);

}  // namespace halconv
