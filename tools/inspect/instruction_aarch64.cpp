// AArch64: the destination first; memory is [base, offset]; fmla sum, a, b adds to its destination, fmadd d, a, b, c
// does where d is c.
#include <cctype>

#include "tools/inspect/instruction.h"

namespace halconv {

namespace {

// The number of the vector register that `text` begins with ("v3.4s", "q31", "s0"); -1 for anything else.
int vector_register(const std::string &text) {
    bool vector = text.size() > 1 && std::string("vqdshb").find(text[0]) != std::string::npos &&
                  std::isdigit(static_cast<unsigned char>(text[1]));
    return vector ? std::atoi(text.c_str() + 1) : -1;
}

// Registers in the order of the text, those of a list { v0.4s, v1.4s } too; nothing of a memory operand.
std::vector<int> vector_registers(const std::string &operands) {
    std::vector<int> numbers;
    for (const std::string &operand : split_operands(operands)) {
        if (operand[0] == '[') {
            continue;
        }
        bool list = operand[0] == '{';
        for (const std::string &item : split_operands(list ? operand.substr(1, operand.find('}') - 1) : operand)) {
            if (int number = vector_register(item); number >= 0) {
                numbers.push_back(number);
            }
        }
    }
    return numbers;
}

bool is_stack_slot(const std::string &operands, bool frame_pointer) {
    const size_t open = operands.find('['), close = operands.find(']');
    const std::vector<std::string> address = split_operands(operands.substr(open + 1, close - open - 1));
    bool base = address[0] == "sp" || (frame_pointer && address[0] == "x29");
    return base && (address.size() == 1 || address[1][0] == '#');
}

FloatWork arithmetic_of(const std::string &name) {
    struct Row {
        const char *name;
        FloatWork arithmetic;
    };
    static constexpr Row kRows[] = {
        {"fmla", FloatWork::kMultiplyAdd},  {"fmls", FloatWork::kMultiplyAdd},   {"fmadd", FloatWork::kMultiplyAdd},
        {"fmsub", FloatWork::kMultiplyAdd}, {"fnmadd", FloatWork::kMultiplyAdd}, {"fnmsub", FloatWork::kMultiplyAdd},
        {"fmul", FloatWork::kMultiply},     {"fnmul", FloatWork::kMultiply},     {"fadd", FloatWork::kAdd},
        {"fsub", FloatWork::kAdd},
    };
    for (const Row &row : kRows) {
        if (name == row.name) {
            return row.arithmetic;
        }
    }
    return FloatWork::kNone;
}

// f32 elements of "v3.4s" (4), "v3.2d" (2 of double size), "s0" (1).
int lanes_of(const std::string &destination) {
    size_t dot = destination.find('.');
    return dot == std::string::npos ? 1 : std::atoi(destination.c_str() + dot + 1);
}

Flow flow_of(const std::string &mnemonic) {
    if (mnemonic == "b") {
        return Flow::kJump;
    }
    for (const char *conditional : {"b.", "cbz", "cbnz", "tbz", "tbnz"}) {
        if (starts_with(mnemonic, conditional)) {
            return Flow::kBranch;
        }
    }
    return mnemonic == "ret" || mnemonic == "br" || mnemonic == "brk" ? Flow::kEnd : Flow::kNext;
}

}  // namespace

Operation decode_aarch64(const Instruction &instruction, bool frame_pointer) {
    Operation op;
    op.flow = flow_of(instruction.mnemonic);
    if (op.flow == Flow::kBranch || op.flow == Flow::kJump) {
        op.target = parse_address(split_operands(instruction.operands).back());
        return op;
    }
    const std::vector<int> numbers = vector_registers(instruction.operands);
    for (int number : numbers) {
        op.registers |= uint64_t(1) << number;
    }
    if (numbers.empty()) {
        return op;
    }
    if (instruction.operands.find('[') != std::string::npos) {
        bool load = starts_with(instruction.mnemonic, "ld"), store = starts_with(instruction.mnemonic, "st");
        op.loads = load ? int(numbers.size()) : 0;
        op.stores = store ? int(numbers.size()) : 0;
        op.stack_slot = (load || store) && is_stack_slot(instruction.operands, frame_pointer);
    }
    op.arithmetic = arithmetic_of(instruction.mnemonic);
    if (op.arithmetic != FloatWork::kNone) {
        op.lanes = lanes_of(instruction.operands);
        op.by_lane = instruction.operands.back() == ']';  // fmla v0.4s, v1.4s, v2.s[3]
        bool in_place = starts_with(instruction.mnemonic, "fmla") || starts_with(instruction.mnemonic, "fmls");
        bool adds = in_place ||
                    (op.arithmetic == FloatWork::kMultiplyAdd && numbers.size() == 4 && numbers[3] == numbers[0]) ||
                    (op.arithmetic == FloatWork::kAdd && numbers.size() == 3 &&
                     (numbers[1] == numbers[0] || numbers[2] == numbers[0]));
        op.sum = adds ? numbers[0] : -1;
    }
    return op;
}

bool sets_frame_pointer_aarch64(const Instruction &instruction) {
    return (instruction.mnemonic == "mov" && instruction.operands == "x29, sp") ||
           (instruction.mnemonic == "add" && starts_with(instruction.operands, "x29, sp, "));
}

}  // namespace halconv
