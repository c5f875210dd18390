// Objects as functions of instructions, by llvm-objdump.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/inspect/instruction.h"

namespace halconv {

struct MachineFunction {
    std::string name;
    std::vector<Instruction> instructions;
};

struct MachineCode {
    const InstructionSet *set;
    std::vector<MachineFunction> functions;
};

// The code of each object, in their order, by one run of the disassembler. Throws WorkError where the program is missing
// and InputError for an object of a kind that find_instruction_set does not know.
std::vector<MachineCode> disassemble(const std::vector<std::filesystem::path> &objects);

}  // namespace halconv
