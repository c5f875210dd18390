// Kernels to a static or shared library.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/kernel_plan.h"
#include "tools/scratch_folder.h"

namespace halconv {

struct KernelLibrary {
    std::vector<KernelJob> jobs;
    std::vector<std::filesystem::path> objects;  // of `jobs`, same order
    std::string name, function;                  // of the set, and of the C function that returns it
};

// Writes the archive: the kernels' objects and the compiled table, byte for byte the same for the same kernels.
void write_archive(const KernelLibrary &library, const std::filesystem::path &archive);

// Links the same as a shared object, whose references to the runtime the loading program satisfies.
void write_shared(const KernelLibrary &library, const std::filesystem::path &shared);

}  // namespace halconv
