// Temporary files.
#pragma once

#include <filesystem>
#include <string>

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

// Writes `text` to `path`. Throws WorkError.
void write_text(const std::filesystem::path &path, const std::string &text);

}  // namespace halconv
