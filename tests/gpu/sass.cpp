#include "tests/gpu/sass.h"

#include <map>
#include <regex>
#include <sstream>
#include <vector>

#include "tools/layer.h"
#include "tools/process.h"

namespace halconv {

namespace {

struct Instruction {
    std::string name;    // "FFMA", "LDG.E.128.CONSTANT"; a label's own name where `label`
    std::string branch;  // the label that BRA names
    bool label = false;
};

bool starts_with(const std::string &text, const std::string &start) {
    return text.compare(0, start.size(), start) == 0;
}

std::vector<Instruction> parse(const std::string &text) {
    static const std::regex kLabel(R"(^(\.L\w+):)");
    static const std::regex kInstruction(R"(^\s*/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*))");
    static const std::regex kTarget(R"(`\((\.L\w+)\))");
    std::vector<Instruction> found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::smatch match, target;
        if (std::regex_search(line, match, kLabel)) {
            found.push_back({match[1], "", true});
        } else if (std::regex_search(line, match, kInstruction)) {
            std::string rest = match[2];
            bool jumps = starts_with(match[1], "BRA") && std::regex_search(rest, target, kTarget);
            found.push_back({match[1], jumps ? target[1].str() : "", false});
        }
    }
    return found;
}

struct Range {
    size_t first, last;
};

int count(const std::vector<Instruction> &code, Range range, const std::string &name, const std::string &part = "") {
    int number = 0;
    for (size_t i = range.first; i <= range.last; i++) {
        number += !code[i].label && starts_with(code[i].name, name) && code[i].name.find(part) != std::string::npos;
    }
    return number;
}

// From a label to the last branch back to it; only those with no other inside that multiplies.
std::vector<Range> inner_loops(const std::vector<Instruction> &code) {
    std::map<std::string, size_t> labels;
    std::vector<Range> loops, inner;
    for (size_t i = 0; i < code.size(); i++) {
        if (code[i].label) {
            labels[code[i].name] = i;
        } else if (auto to = labels.find(code[i].branch);
                   to != labels.end() && count(code, {to->second, i}, "FFMA") > 0) {
            loops.push_back({to->second, i});
        }
    }
    for (const Range &loop : loops) {
        bool innermost = true;
        for (const Range &other : loops) {
            bool same = other.first == loop.first && other.last == loop.last;
            innermost = innermost && (same || other.first < loop.first || other.last > loop.last);
        }
        if (innermost) {
            inner.push_back(loop);
        }
    }
    return inner;
}

}  // namespace

void read_resources(const std::string &text, Sass &sass) {
    static const std::regex kStack(R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)");
    static const std::regex kRegisters(R"(Used (\d+) registers)");
    std::smatch match;
    if (!std::regex_search(text, match, kStack)) {
        throw WorkError("ptxas -v says nothing of the stack");
    }
    sass.stack_bytes = std::stoi(match[1]);
    sass.spill_bytes = std::stoi(match[2]) + std::stoi(match[3]);
    if (!std::regex_search(text, match, kRegisters)) {
        throw WorkError("ptxas -v says nothing of registers");
    }
    sass.registers = std::stoi(match[1]);
}

void read_hot_loop(const std::string &text, Sass &sass) {
    const std::vector<Instruction> code = parse(text);
    if (code.empty()) {
        throw WorkError("nvdisasm wrote no instruction");
    }
    Range hot{0, code.size() - 1};
    int most = 0;
    for (const Range &loop : inner_loops(code)) {
        if (int number = count(code, loop, "FFMA"); number > most) {
            hot = loop, most = number;
        }
    }
    sass.loops = most > 0;
    sass.instructions = count(code, hot, "") - count(code, hot, "NOP");
    sass.ffma = count(code, hot, "FFMA");
    sass.loads_shared = count(code, hot, "LDS"), sass.loads_shared_128 = count(code, hot, "LDS", ".128");
    sass.loads_global = count(code, hot, "LDG"), sass.loads_global_128 = count(code, hot, "LDG", ".128");
    sass.barriers = count(code, hot, "BAR");
}

Sass assemble(const std::filesystem::path &ptx, const std::string &chip, const CudaPrograms &programs) {
    std::filesystem::path code = ptx;
    code.replace_extension("." + chip + ".cubin");
    Sass sass;
    // What ptxas says of resources is on stderr.
    read_resources(run_program({"sh", "-c", "exec \"$0\" -v -O3 -arch=\"$1\" \"$2\" -o \"$3\" 2>&1", programs.assembler,
                                chip, ptx.string(), code.string()}),
                   sass);
    read_hot_loop(run_program({programs.disassembler, "-c", code.string()}), sass);
    return sass;
}

}  // namespace halconv
