// Kernels to a static or shared library.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/kernel_plan.h"

namespace halconv {

// A folder of its own that disappears with the object.
class ScratchFolder {
  public:
    explicit ScratchFolder(const std::filesystem::path &parent);  // throws InputError where it cannot be made
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder &) = delete;
    ScratchFolder &operator=(const ScratchFolder &) = delete;
    const std::filesystem::path &path() const { return path_; }

  private:
    std::filesystem::path path_;
};

struct KernelLibrary {
    std::vector<KernelJob> jobs;
    std::vector<std::filesystem::path> objects;  // of `jobs`, same order
    std::string name, function;                  // of the set, and of the C function that returns it
};

// Writes the archive: the kernels' objects and the compiled table, byte for byte the same for the same kernels.
void write_archive(const KernelLibrary &library, const std::filesystem::path &archive);

// Links the same as a shared object, whose references to the runtime the loading program satisfies.
void write_shared(const KernelLibrary &library, const std::filesystem::path &shared);

// Writes `text` to `path`. Throws WorkError.
void write_text(const std::filesystem::path &path, const std::string &text);

}  // namespace halconv
