#include "tools/scratch_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "tools/layer.h"

namespace halconv {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder(const fs::path &parent) {
    std::string pattern = (parent / ".halconv-XXXXXX").string();
    if (!mkdtemp(pattern.data())) {
        throw InputError(parent.string() + ": cannot write here: " + std::strerror(errno));
    }
    path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void write_text(const fs::path &path, const std::string &text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) {
        throw WorkError(path.string() + ": cannot write: " + std::strerror(errno));
    }
}

}  // namespace halconv
