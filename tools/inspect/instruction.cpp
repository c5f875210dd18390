#include "tools/inspect/instruction.h"

#include <cstdlib>

namespace halconv {

const InstructionSet *find_instruction_set(const std::string &file_format) {
    static constexpr InstructionSet kSets[] = {
        {"elf64-x86-64", "x86_64", decode_x86, sets_frame_pointer_x86},
        {"elf64-littleaarch64", "aarch64", decode_aarch64, sets_frame_pointer_aarch64},
    };
    for (const InstructionSet &set : kSets) {
        if (file_format == set.file_format) {
            return &set;
        }
    }
    return nullptr;
}

std::vector<std::string> split_operands(const std::string &operands) {
    std::vector<std::string> parts;
    std::string part;
    int depth = 0;
    auto finish = [&] {
        size_t begin = part.find_first_not_of(' '), end = part.find_last_not_of(' ');
        if (begin != std::string::npos) {
            parts.push_back(part.substr(begin, end - begin + 1));
        }
        part.clear();
    };
    for (char c : operands) {
        depth += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
        if (c == ',' && depth == 0) {
            finish();
        } else {
            part += c;
        }
    }
    finish();
    return parts;
}

bool starts_with(const std::string &text, const char *prefix) { return text.rfind(prefix, 0) == 0; }

std::optional<uint64_t> parse_address(const std::string &text) {
    char *end = nullptr;
    uint64_t value = std::strtoull(text.c_str(), &end, 16);
    return starts_with(text, "0x") && *end == '\0' ? std::optional(value) : std::nullopt;
}

}  // namespace halconv
