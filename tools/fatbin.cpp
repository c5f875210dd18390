#include "tools/fatbin.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "schedules/target.h"
#include "tools/layer.h"
#include "tools/process.h"
#include "tools/scratch_folder.h"

namespace halconv {

namespace fs = std::filesystem;

namespace {

constexpr int kRegisters = 65536;      // of a processor, compute capability 3.7 and later: CUDA C++ Programming Guide
constexpr int kThreadRegisters = 255;  // that an instruction can name
constexpr int kRegisterUnit = 8;       // a thread's registers are allocated in these

std::vector<fs::path> toolkit_folders() {
    if (const char *home = std::getenv("CUDA_HOME"); home && *home) {
        return {fs::path(home) / "bin"};
    }
    std::vector<fs::path> folders;
    const char *path = std::getenv("PATH");
    std::istringstream parts(path ? path : "");
    for (std::string part; std::getline(parts, part, ':');) {
        folders.push_back(part);
    }
    folders.push_back(HALCONV_CUDA_FOLDER);
    return folders;
}

std::optional<CudaToolkit> find_toolkit() {
    for (const fs::path &folder : toolkit_folders()) {
        fs::path assembler = folder / "ptxas", packer = folder / "fatbinary";
        if (folder.empty() || access(assembler.c_str(), X_OK) != 0 || access(packer.c_str(), X_OK) != 0) {
            continue;
        }
        CudaToolkit toolkit{assembler, packer, "", {}};
        std::smatch match;
        std::string version = run_program({assembler, "--version"}), help = run_program({assembler, "--help"});
        if (std::regex_search(version, match, std::regex(R"(\bV[0-9.]+)"))) {
            toolkit.version = match[0];
        }
        for (; std::regex_search(help, match, std::regex("'(sm_[0-9]+)'")); help = match.suffix()) {
            toolkit.chips.push_back(match[1]);
        }
        return toolkit;
    }
    return {};
}

std::string read_bytes(const fs::path &file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream bytes;
    if (!(bytes << in.rdbuf())) {
        throw WorkError(file.string() + ": cannot be read");
    }
    return bytes.str();
}

// The register limit that lets a block of `threads` threads run.
int register_limit(int threads) {
    return std::min(kThreadRegisters, kRegisters / std::max(threads, 1) / kRegisterUnit * kRegisterUnit);
}

// The PTX's own chip, "sm_86" of the line ".target sm_86".
std::string ptx_chip(const std::string &ptx) {
    std::smatch match;
    if (!std::regex_search(ptx, match, std::regex(R"(\.target\s+(sm_[0-9]+))"))) {
        throw WorkError("the device code is no PTX: it has no line .target sm_..");
    }
    return match[1];
}

}  // namespace

const std::optional<CudaToolkit> &cuda_toolkit() {
    static const std::optional<CudaToolkit> toolkit = find_toolkit();
    return toolkit;
}

int chip_capability(const std::string &chip) { return std::stoi(chip.substr(chip.find('_') + 1)); }

std::vector<std::string> chips_from(const std::string &first, const CudaToolkit &toolkit) {
    std::vector<std::string> chips;
    for (const TargetRow &row : gpu_target_rows()) {
        const char *chip = row.gpu->chip;
        bool known = chip && std::find(toolkit.chips.begin(), toolkit.chips.end(), chip) != toolkit.chips.end();
        if (known && chip_capability(chip) >= chip_capability(first)) {
            chips.push_back(chip);
        }
    }
    return chips;
}

ChipFigures read_assembler_figures(const std::string &text) {
    static const std::regex kStack(R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)");
    static const std::regex kUsed(R"(Used (\d+) registers)");
    ChipFigures most;
    int kernels = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_search(line, match, kStack)) {
            most.stack_bytes = std::max(most.stack_bytes, std::stoi(match[1]));
            most.spill_bytes = std::max(most.spill_bytes, std::stoi(match[2]) + std::stoi(match[3]));
        } else if (std::regex_search(line, match, kUsed)) {
            most.registers = std::max(most.registers, std::stoi(match[1]));
            kernels++;
        }
    }
    if (kernels == 0) {
        throw WorkError("ptxas -v says nothing of registers");
    }
    return most;
}

FatBinary make_fat_binary(const std::string &ptx, const std::vector<std::string> &chips, int threads,
                          const CudaToolkit &toolkit) {
    ScratchFolder folder(fs::temp_directory_path());
    const fs::path text = folder.path() / "kernel.ptx", packed = folder.path() / "kernel.fatbin";
    const std::string source = ptx.substr(0, ptx.find('\0'));
    write_text(text, source);
    std::vector<std::string> pack = {toolkit.packer, "--create=" + packed.string(), "-64"};
    FatBinary result;
    for (const std::string &chip : chips) {
        const fs::path code = folder.path() / (chip + ".cubin");
        ProgramText said =
            run_program_for_all({toolkit.assembler, "-v", "-O3", "-arch=" + chip,
                                 "-maxrregcount=" + std::to_string(register_limit(threads)), text, "-o", code});
        result.chips.push_back(read_assembler_figures(said.output + said.messages));
        result.chips.back().chip = chip;
        pack.push_back("--image3=kind=elf,sm=" + chip.substr(3) + ",file=" + code.string());
    }
    pack.push_back("--image3=kind=ptx,sm=" + ptx_chip(source).substr(3) + ",file=" + text.string());
    run_program(pack);
    result.bytes = read_bytes(packed);
    return result;
}

}  // namespace halconv
