// Machine instructions as text, and what a loop's figures need to know of each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace halconv {

// As llvm-objdump prints it, x86 in AT&T's syntax.
struct Instruction {
    uint64_t address = 0;  // in its section
    std::string mnemonic, operands;
    std::string text() const { return operands.empty() ? mnemonic : mnemonic + " " + operands; }
};

enum class Flow { kNext, kBranch, kJump, kEnd };  // a branch may also go on with the next instruction

enum class FloatWork { kNone, kMultiplyAdd, kMultiply, kAdd };  // of floating-point numbers; kAdd also subtracts

struct Operation {
    Flow flow = Flow::kNext;
    std::optional<uint64_t> target;  // address that a branch or jump names
    FloatWork arithmetic = FloatWork::kNone;
    int lanes = 0;              // f32 elements of an arithmetic result
    bool by_lane = false;       // one operand is a lane of a register, for all lanes of the result
    int loads = 0, stores = 0;  // vector registers read from and written to memory; an operand in memory is a load
    bool stack_slot = false;    // the memory is at a constant place of the stack frame
    uint64_t registers = 0;     // vector registers that it names, a bit each
    int sum = -1;               // vector register that it adds to: both an operand and the result
};

struct InstructionSet {
    const char *file_format;  // in llvm-objdump's words
    const char *triple;       // LLVM's name of the architecture
    // frame_pointer: whether the function keeps the frame's address in the register that is meant for it.
    Operation (*decode)(const Instruction &instruction, bool frame_pointer);
    bool (*sets_frame_pointer)(const Instruction &instruction);
};

// Null for a format that is not known.
const InstructionSet *find_instruction_set(const std::string &file_format);

Operation decode_x86(const Instruction &instruction, bool frame_pointer);
bool sets_frame_pointer_x86(const Instruction &instruction);
Operation decode_aarch64(const Instruction &instruction, bool frame_pointer);
bool sets_frame_pointer_aarch64(const Instruction &instruction);

// Helpers of the decoders. Operands at the commas outside brackets of any kind, without spaces around them.
std::vector<std::string> split_operands(const std::string &operands);
bool starts_with(const std::string &text, const char *prefix);
// The number that `text` is, "0x4d9"; nothing for other text.
std::optional<uint64_t> parse_address(const std::string &text);

}  // namespace halconv
