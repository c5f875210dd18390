#include "tools/inspect/disassembly.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "tools/inspect/llvm_program.h"
#include "tools/layer.h"

namespace halconv {

namespace {

constexpr char kFormatMark[] = ":\tfile format ";

// "     268:      \tvfmadd231ps\t%zmm31, %zmm0, %zmm29 # zmm29 = .." or "  b.le\t0xa8 <f+0xa8>"; nothing for other lines.
std::optional<Instruction> parse_instruction(const std::string &line) {
    const size_t colon = line.find(':'), begin = line.find_first_not_of(' ');
    const size_t tab = line.find('\t');
    if (colon == std::string::npos || tab == std::string::npos || tab < colon || begin >= colon ||
        line.find_first_not_of("0123456789abcdef", begin) != colon) {
        return std::nullopt;
    }
    Instruction instruction;
    instruction.address = std::stoull(line.substr(begin, colon - begin), nullptr, 16);
    std::string text = line.substr(tab + 1);
    for (const char *remark : {" # ", "\t# ", "//", " <"}) {  // AArch64 writes numbers as "#16"
        text.resize(std::min(text.size(), text.find(remark)));
    }
    const size_t end = text.find_last_not_of(" \t");
    text.resize(end == std::string::npos ? 0 : end + 1);
    const size_t split = text.find_first_of(" \t");
    instruction.mnemonic = text.substr(0, split);
    if (split != std::string::npos) {
        instruction.operands = text.substr(text.find_first_not_of(" \t", split));
    }
    return instruction;
}

// "0000000000000000 <name>:"
std::optional<std::string> parse_function(const std::string &line) {
    const size_t open = line.find(" <");
    bool is_function = open != std::string::npos && line.size() > 4 && line.compare(line.size() - 2, 2, ">:") == 0 &&
                       line.find_first_not_of("0123456789abcdef") == open;
    return is_function ? std::optional(line.substr(open + 2, line.size() - open - 4)) : std::nullopt;
}

const InstructionSet *known_set(const std::string &format) {
    const InstructionSet *set = find_instruction_set(format);
    if (!set) {
        throw InputError(
            fmt::format("inspect: only x86-64 and AArch64 code for Linux and Android can be read, not {}", format));
    }
    return set;
}

}  // namespace

std::vector<MachineCode> disassemble(const std::vector<std::filesystem::path> &objects) {
    std::vector<std::string> arguments = {"--disassemble", "--no-show-raw-insn"};
    for (const std::filesystem::path &object : objects) {
        arguments.push_back(object.string());
    }
    std::vector<MachineCode> codes;
    std::istringstream lines(run_llvm_program(kDisassembler, arguments));
    for (std::string line; std::getline(lines, line);) {
        if (size_t mark = line.find(kFormatMark); mark != std::string::npos) {
            codes.push_back({known_set(line.substr(mark + sizeof kFormatMark - 1)), {}});
        } else if (codes.empty()) {
            continue;
        } else if (std::optional<std::string> name = parse_function(line)) {
            codes.back().functions.push_back({*name, {}});
        } else if (std::optional<Instruction> instruction = parse_instruction(line);
                   instruction && !codes.back().functions.empty()) {
            codes.back().functions.back().instructions.push_back(*instruction);
        }
    }
    if (codes.size() != objects.size()) {
        throw WorkError(fmt::format("llvm-objdump read {} of {} objects", codes.size(), objects.size()));
    }
    return codes;
}

}  // namespace halconv
