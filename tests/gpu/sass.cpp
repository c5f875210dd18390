#include "tests/gpu/sass.h"

#include <algorithm>
#include <map>
#include <optional>
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

// Loops that multiply, from a label to a branch back to it.
std::vector<Range> multiplying_loops(const std::vector<Instruction> &code) {
    std::map<std::string, size_t> labels;
    std::vector<Range> loops;
    for (size_t i = 0; i < code.size(); i++) {
        if (code[i].label) {
            labels[code[i].name] = i;
        } else if (auto to = labels.find(code[i].branch);
                   to != labels.end() && count(code, {to->second, i}, "FFMA") > 0) {
            loops.push_back({to->second, i});
        }
    }
    return loops;
}

bool contains(const Range &outer, const Range &inner) { return outer.first <= inner.first && inner.last <= outer.last; }

bool same(const Range &a, const Range &b) { return a.first == b.first && a.last == b.last; }

// The innermost loop with the most FFMA, if any.
std::optional<Range> hottest(const std::vector<Instruction> &code, const std::vector<Range> &loops) {
    std::optional<Range> hot;
    for (const Range &loop : loops) {
        bool innermost = std::none_of(loops.begin(), loops.end(),
                                      [&](const Range &other) { return contains(loop, other) && !same(loop, other); });
        if (innermost && (!hot || count(code, loop, "FFMA") > count(code, *hot, "FFMA"))) {
            hot = loop;
        }
    }
    return hot;
}

// The smallest loop with a barrier that has `hot` inside, or is it.
std::optional<Range> staging_loop(const std::vector<Instruction> &code, const std::vector<Range> &loops,
                                  const Range &hot) {
    std::optional<Range> smallest;
    for (const Range &loop : loops) {
        bool waits = contains(loop, hot) && count(code, loop, "BAR") > 0;
        if (waits && (!smallest || contains(*smallest, loop))) {
            smallest = loop;
        }
    }
    return smallest;
}

int executed(const std::vector<Instruction> &code, Range range) {
    return count(code, range, "") - count(code, range, "NOP");
}

}  // namespace

void read_resources(const std::string &text, Sass &sass) {
    static const std::regex kStack(R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)");
    static const std::regex kRegisters(R"(Used (\d+) registers)");
    const std::sregex_iterator none;
    std::sregex_iterator stack(text.begin(), text.end(), kStack), used(text.begin(), text.end(), kRegisters);
    if (stack == none) {
        throw WorkError("ptxas -v says nothing of the stack");
    }
    if (used == none) {
        throw WorkError("ptxas -v says nothing of registers");
    }
    for (; stack != none; ++stack) {
        const std::smatch &match = *stack;
        sass.stack_bytes = std::max(sass.stack_bytes, std::stoi(match[1]));
        sass.spill_bytes = std::max(sass.spill_bytes, std::stoi(match[2]) + std::stoi(match[3]));
    }
    for (; used != none; ++used) {
        sass.registers = std::max(sass.registers, std::stoi((*used)[1]));
    }
}

void read_hot_loop(const std::string &text, Sass &sass) {
    const std::vector<Instruction> code = parse(text);
    if (code.empty()) {
        throw WorkError("nvdisasm wrote no instruction");
    }
    const Range all{0, code.size() - 1};
    const std::vector<Range> loops = multiplying_loops(code);
    const std::optional<Range> innermost = hottest(code, loops);
    const Range hot = innermost.value_or(all), staging = staging_loop(code, loops, hot).value_or(all);
    sass.loops = innermost.has_value();
    sass.instructions = executed(code, hot);
    sass.ffma = count(code, hot, "FFMA");
    sass.loads_shared = count(code, hot, "LDS"), sass.loads_shared_128 = count(code, hot, "LDS", ".128");
    sass.staging_instructions = executed(code, staging);
    sass.loads_global = count(code, staging, "LDG"), sass.loads_global_128 = count(code, staging, "LDG", ".128");
    sass.barriers = count(code, staging, "BAR");
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
