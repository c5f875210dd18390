#include "tools/toolchain.h"

#include <cstdlib>

namespace halconv {

Toolchain toolchain_of(const Target &target) {
    const char *own = std::getenv("CC");
    Toolchain t;
    if (target.native) {
        t = {{"cc"}, "ar", "nm", "objcopy", "size"};
    } else {
        // A table needs the compiler's own headers only: stdint.h, stddef.h.
        t = {{"clang", "--target=" + target.triple, "-ffreestanding"},
             "llvm-ar",
             "llvm-nm",
             "llvm-objcopy",
             "llvm-size"};
    }
    if (own && *own) {
        t.compiler = {own};
    }
    return t;
}

}  // namespace halconv
