// x86-64 in AT&T's syntax: sources first, the destination last; memory is displacement(base, index, scale).
#include <cctype>

#include "tools/inspect/instruction.h"

namespace halconv {

namespace {

// The number of a vector register at `text[at]`, "%zmm31"; -1 for anything else. `letter` receives x, y or z.
int vector_register(const std::string &text, size_t at, char &letter) {
    bool vector = text.compare(at, 1, "%") == 0 && text.compare(at + 2, 2, "mm") == 0 && at + 4 < text.size() &&
                  std::isdigit(static_cast<unsigned char>(text[at + 4]));
    if (!vector) {
        return -1;
    }
    letter = text[at + 1];
    return std::atoi(text.c_str() + at + 4);
}

// Whether a memory operand is at a constant distance from the stack pointer or the frame pointer.
bool is_stack_slot(const std::string &operand, bool frame_pointer) {
    size_t open = operand.find('('), close = operand.find(')');
    std::string base = operand.substr(open + 1, close - open - 1);
    return base == "%rsp" || (frame_pointer && base == "%rbp");
}

Flow flow_of(const std::string &mnemonic) {
    if (starts_with(mnemonic, "jmp")) {
        return Flow::kJump;
    }
    if (mnemonic[0] == 'j') {
        return Flow::kBranch;
    }
    return starts_with(mnemonic, "ret") || mnemonic == "ud2" ? Flow::kEnd : Flow::kNext;
}

// Of a mnemonic without the v of AVX; those of integers end in another letter than s (single) and d (double).
FloatWork arithmetic_of(const std::string &name) {
    auto is = [&](const char *stem) {
        size_t length = std::string(stem).size();
        return starts_with(name, stem) && name.size() == length + 2 && (name[length] == 'p' || name[length] == 's') &&
               (name[length + 1] == 's' || name[length + 1] == 'd');
    };
    for (const char *stem : {"fmadd", "fmsub", "fnmadd", "fnmsub"}) {
        if (starts_with(name, stem)) {
            return FloatWork::kMultiplyAdd;
        }
    }
    return is("mul") ? FloatWork::kMultiply : is("add") || is("sub") ? FloatWork::kAdd : FloatWork::kNone;
}

// f32 elements of a register: 4, 8 or 16, one for scalar instructions (..ss, ..sd), a half as many for double precision.
int lanes_of(const std::string &mnemonic, char letter) {
    bool scalar = mnemonic[mnemonic.size() - 2] == 's';
    int lanes = letter == 'z' ? 16 : letter == 'y' ? 8 : 4;
    return scalar ? 1 : mnemonic.back() == 'd' ? lanes / 2 : lanes;
}

void decode_vectors(const Instruction &instruction, const std::vector<std::string> &operands, Operation &op) {
    const std::string name = instruction.mnemonic[0] == 'v' ? instruction.mnemonic.substr(1) : instruction.mnemonic;
    op.arithmetic = arithmetic_of(name);
    char letter = 'x';
    const int destination = vector_register(operands.back(), 0, letter);
    if (op.arithmetic == FloatWork::kNone || destination < 0) {
        op.arithmetic = FloatWork::kNone;
        return;
    }
    op.lanes = lanes_of(name, letter);
    // vfmadd231 a, b, sum; addps a, sum has two operands; vaddps a, b, c.
    bool adds = op.arithmetic == FloatWork::kMultiplyAdd ? name.find("231") != std::string::npos
                                                         : op.arithmetic == FloatWork::kAdd;
    bool is_source = op.arithmetic == FloatWork::kMultiplyAdd || operands.size() == 2;
    for (size_t i = 0; i + 1 < operands.size(); i++) {
        char ignored;
        is_source = is_source || vector_register(operands[i], 0, ignored) == destination;
    }
    op.sum = adds && is_source ? destination : -1;
}

}  // namespace

Operation decode_x86(const Instruction &instruction, bool frame_pointer) {
    Operation op;
    op.flow = flow_of(instruction.mnemonic);
    const std::vector<std::string> operands = split_operands(instruction.operands);
    if (op.flow == Flow::kBranch || op.flow == Flow::kJump) {
        op.target = operands.empty() ? std::nullopt : parse_address(operands[0]);
        return op;
    }
    for (size_t at = instruction.operands.find('%'); at != std::string::npos;
         at = instruction.operands.find('%', at + 1)) {
        char ignored;
        const int number = vector_register(instruction.operands, at, ignored);
        op.registers |= number < 0 ? 0 : uint64_t(1) << number;
    }
    if (op.registers == 0) {
        return op;
    }
    for (size_t i = 0; i < operands.size(); i++) {
        if (operands[i].find('(') != std::string::npos) {
            (i + 1 == operands.size() ? op.stores : op.loads) = 1;
            op.stack_slot = is_stack_slot(operands[i], frame_pointer);
        }
    }
    decode_vectors(instruction, operands, op);
    return op;
}

bool sets_frame_pointer_x86(const Instruction &instruction) {
    return starts_with(instruction.mnemonic, "mov") && instruction.operands == "%rsp, %rbp";
}

}  // namespace halconv
