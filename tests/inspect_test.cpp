// Loops of graphs, and what the decoders say of single instructions; nothing here needs LLVM.
#include "tests/catch.h"
#include "tools/inspect/control_flow.h"
#include "tools/inspect/inner_loop.h"

using namespace halconv;

namespace {

using Nodes = std::vector<int>;
using Edges = std::vector<Nodes>;

Instruction instruction(const std::string &mnemonic, const std::string &operands) { return {0, mnemonic, operands}; }

struct MemoryCase {
    const char *mnemonic, *operands;
    int loads, stores;
    bool stack_slot;
};

struct ArithmeticCase {
    const char *mnemonic, *operands;
    FloatWork arithmetic;
    int lanes, sum;
};

template <size_t count>
void check_memory(const MemoryCase (&cases)[count], Operation (*decode)(const Instruction &, bool)) {
    for (const MemoryCase &c : cases) {
        INFO(c.mnemonic << " " << c.operands);
        const Operation op = decode(instruction(c.mnemonic, c.operands), true);
        CHECK(op.loads == c.loads);
        CHECK(op.stores == c.stores);
        CHECK(op.stack_slot == c.stack_slot);
    }
}

template <size_t count>
void check_arithmetic(const ArithmeticCase (&cases)[count], Operation (*decode)(const Instruction &, bool)) {
    for (const ArithmeticCase &c : cases) {
        INFO(c.mnemonic << " " << c.operands);
        const Operation op = decode(instruction(c.mnemonic, c.operands), false);
        CHECK(op.arithmetic == c.arithmetic);
        CHECK(op.lanes == c.lanes);
        CHECK(op.sum == c.sum);
    }
}

}  // namespace

TEST_CASE("a loop in a loop: the inner one is innermost and twice as deep") {
    // 0 -> 1 -> 2 -> 2 (inner), 2 -> 3 -> 1 (outer), 3 -> 4
    const std::vector<Loop> loops = natural_loops(Edges{{1}, {2}, {2, 3}, {1, 4}, {}});
    REQUIRE(loops.size() == 2);
    CHECK(loops[0].body == Nodes{1, 2, 3});
    CHECK(loops[0].depth == 1);
    CHECK_FALSE(loops[0].innermost);
    CHECK(loops[1].body == Nodes{2});
    CHECK(loops[1].depth == 2);
    CHECK(loops[1].innermost);
}

TEST_CASE("a branch within a loop belongs to it, two ways back to a header are one loop") {
    const std::vector<Loop> loops = natural_loops(Edges{{1}, {2, 3}, {1}, {1, 4}, {}});
    REQUIRE(loops.size() == 1);
    CHECK(loops[0].body == Nodes{1, 2, 3});
    CHECK(loops[0].innermost);
}

TEST_CASE(
    "a branch backwards is no loop where the entry has another way to its begin, nor in code that nothing reaches") {
    // 4 is a cold block behind the function's end: 0 -> 4 -> 1.
    CHECK(natural_loops(Edges{{1, 4}, {2}, {3}, {}, {1}}).empty());
    CHECK(natural_loops(Edges{{3}, {2}, {1}, {}}).empty());
    CHECK(natural_loops(Edges{}).empty());
    // Two entries to the cycle 1 <-> 2: no header passes on every path.
    CHECK(natural_loops(Edges{{1, 2}, {2}, {1, 3}, {}}).empty());
}

TEST_CASE("a block behind the function's end that a loop branches to is part of the loop") {
    const std::vector<Loop> loops = natural_loops(Edges{{1}, {4, 2}, {1, 3}, {}, {2}});
    REQUIRE(loops.size() == 1);
    CHECK(loops[0].body == Nodes{1, 2, 4});
}

TEST_CASE("x86: registers read from and written to memory") {
    static constexpr MemoryCase kCases[] = {
        {"vmovups", "0x40(%rsi), %zmm0", 1, 0, false},
        {"vmovups", "%zmm0, 0x40(%rdi) {%k1}", 0, 1, false},
        {"vbroadcastss", "(%rsi,%rax,4), %ymm3", 1, 0, false},
        {"vfmadd231ps", "(%rax){1to16}, %zmm1, %zmm2", 1, 0, false},
        {"vfmadd231ps", "%zmm0, %zmm1, %zmm2", 0, 0, false},
        {"vmovaps", "0x80(%rsp), %ymm3", 1, 0, true},
        {"vmovaps", "%ymm3, (%rsp)", 0, 1, true},
        {"vfmadd213ps", "-0x30(%rbp), %ymm1, %ymm2", 1, 0, true},
        {"vmovaps", "0x80(%rsp,%rax), %ymm3", 1, 0, false},  // an array on the stack
        {"movq", "0x8(%rsp), %rax", 0, 0, false},
        {"prefetcht0", "0x200(%rax)", 0, 0, false},
    };
    check_memory(kCases, decode_x86);
    // Without a frame pointer %rbp is a register like others.
    CHECK_FALSE(decode_x86(instruction("vmovaps", "(%rbp), %ymm3"), false).stack_slot);
    CHECK(sets_frame_pointer_x86(instruction("movq", "%rsp, %rbp")));
    CHECK_FALSE(sets_frame_pointer_x86(instruction("movq", "%rax, %rbp")));
}

TEST_CASE("x86: arithmetic, its lanes and the register that it adds to") {
    static constexpr ArithmeticCase kCases[] = {
        {"vfmadd231ps", "%zmm31, %zmm0, %zmm29", FloatWork::kMultiplyAdd, 16, 29},
        {"vfnmadd231ss", "%xmm1, %xmm0, %xmm2", FloatWork::kMultiplyAdd, 1, 2},
        {"vfmadd213ps", "%ymm1, %ymm0, %ymm2", FloatWork::kMultiplyAdd, 8, -1},
        {"vfmadd231pd", "%ymm1, %ymm0, %ymm2", FloatWork::kMultiplyAdd, 4, 2},
        {"mulps", "%xmm1, %xmm2", FloatWork::kMultiply, 4, -1},
        {"addps", "%xmm1, %xmm2", FloatWork::kAdd, 4, 2},
        {"vaddps", "%ymm1, %ymm2, %ymm2", FloatWork::kAdd, 8, 2},
        {"vsubps", "%ymm1, %ymm2, %ymm3", FloatWork::kAdd, 8, -1},
        {"vmaxps", "%ymm1, %ymm2, %ymm3", FloatWork::kNone, 0, -1},
        {"vpaddd", "%ymm1, %ymm2, %ymm2", FloatWork::kNone, 0, -1},
        {"addq", "%rax, %rbx", FloatWork::kNone, 0, -1},
    };
    check_arithmetic(kCases, decode_x86);
}

TEST_CASE("AArch64: registers read from and written to memory") {
    static constexpr MemoryCase kCases[] = {
        {"ldr", "q0, [x8, #0x20]", 1, 0, false},
        {"ldp", "q1, q2, [x1], #32", 2, 0, false},
        {"ld1", "{ v0.4s, v1.4s, v2.4s }, [x0], #48", 3, 0, false},
        {"ld1r", "{ v4.4s }, [x9]", 1, 0, false},
        {"stp", "q1, q2, [x1]", 0, 2, false},
        {"ldr", "q3, [sp, #0x40]", 1, 0, true},
        {"stp", "q3, q4, [sp]", 0, 2, true},
        {"ldur", "q3, [x29, #-0x30]", 1, 0, true},
        {"ldr", "q3, [sp, x9]", 1, 0, false},  // an array on the stack
        {"ldr", "x3, [sp, #0x8]", 0, 0, false},
        {"prfm", "pldl1keep, [x3]", 0, 0, false},
    };
    check_memory(kCases, decode_aarch64);
    CHECK_FALSE(decode_aarch64(instruction("ldr", "q3, [x29, #0x10]"), false).stack_slot);
    CHECK(sets_frame_pointer_aarch64(instruction("mov", "x29, sp")));
    CHECK(sets_frame_pointer_aarch64(instruction("add", "x29, sp, #0x40")));
}

TEST_CASE("AArch64: arithmetic, its lanes and the register that it adds to") {
    static constexpr ArithmeticCase kCases[] = {
        {"fmla", "v16.4s, v1.4s, v0.s[3]", FloatWork::kMultiplyAdd, 4, 16},
        {"fmla", "v16.4s, v1.4s, v0.4s", FloatWork::kMultiplyAdd, 4, 16},
        {"fmls", "v3.2s, v1.2s, v0.2s", FloatWork::kMultiplyAdd, 2, 3},
        {"fmadd", "s1, s2, s0, s1", FloatWork::kMultiplyAdd, 1, 1},
        {"fmadd", "s1, s2, s0, s3", FloatWork::kMultiplyAdd, 1, -1},
        {"fmul", "v1.4s, v2.4s, v3.s[0]", FloatWork::kMultiply, 4, -1},
        {"fadd", "v1.4s, v1.4s, v3.4s", FloatWork::kAdd, 4, 1},
        {"fsub", "v1.4s, v2.4s, v3.4s", FloatWork::kAdd, 4, -1},
        {"fmax", "v1.4s, v2.4s, v3.4s", FloatWork::kNone, 0, -1},
        {"add", "x1, x1, #0x10", FloatWork::kNone, 0, -1},
    };
    check_arithmetic(kCases, decode_aarch64);
    CHECK(decode_aarch64(instruction("fmla", "v16.4s, v1.4s, v0.s[3]"), false).by_lane);
    CHECK_FALSE(decode_aarch64(instruction("fmla", "v16.4s, v1.4s, v0.4s"), false).by_lane);
}

TEST_CASE("branches and their targets") {
    struct Case {
        Operation (*decode)(const Instruction &, bool);
        const char *mnemonic, *operands;
        Flow flow;
        int64_t target;  // -1: none
    };
    static constexpr Case kCases[] = {
        {decode_x86, "jne", "0x250", Flow::kBranch, 0x250},
        {decode_x86, "jmp", "0x10", Flow::kJump, 0x10},
        {decode_x86, "jmpq", "*%rax", Flow::kJump, -1},
        {decode_x86, "retq", "", Flow::kEnd, -1},
        {decode_x86, "callq", "0x3c", Flow::kNext, -1},
        {decode_aarch64, "b", "0x28", Flow::kJump, 0x28},
        {decode_aarch64, "b.ne", "0x28", Flow::kBranch, 0x28},
        {decode_aarch64, "cbz", "x9, 0x44", Flow::kBranch, 0x44},
        {decode_aarch64, "tbnz", "w9, #0x0, 0x48", Flow::kBranch, 0x48},
        {decode_aarch64, "bl", "0x4", Flow::kNext, -1},
        {decode_aarch64, "ret", "", Flow::kEnd, -1},
    };
    for (const Case &c : kCases) {
        INFO(c.mnemonic << " " << c.operands);
        const Operation op = c.decode(instruction(c.mnemonic, c.operands), false);
        CHECK(op.flow == c.flow);
        CHECK((op.target ? int64_t(*op.target) : -1) == c.target);
    }
}

TEST_CASE("the hottest loop has the most accumulators, then the deepest nest") {
    // Two loops one after the other, of two and of one accumulator; the second multiplies more often.
    const auto loop = [](std::vector<Instruction> &all, const std::vector<int> &sums, int repeats) {
        const uint64_t begin = all.size() * 4;
        for (int i = 0; i < repeats; i++) {
            for (int sum : sums) {
                all.push_back({all.size() * 4, "fmla", "v" + std::to_string(sum) + ".4s, v0.4s, v1.4s"});
            }
        }
        all.push_back({all.size() * 4, "cbnz", "x9, 0x" + std::to_string(begin)});
    };
    MachineFunction function{"f", {}};
    loop(function.instructions, {16}, 1);  // addresses up to 9 are the same in both notations
    loop(function.instructions, {16, 17}, 1);
    const std::vector<InnerLoop> loops = inner_loops({find_instruction_set("elf64-littleaarch64"), {function}});
    REQUIRE(loops.size() == 2);
    CHECK(loops[0].sums == 2);
    CHECK(loops[0].multiply_adds == 2);
    CHECK(loops[0].products == 8);
    CHECK(loops[0].instructions.size() == 3);
    CHECK(loops[1].sums == 1);
    CHECK(loops[1].multiply_adds == 1);
}
