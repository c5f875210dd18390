// The inner loops of a kernel: where its time goes, and what is in them.
#pragma once

#include <string>
#include <vector>

#include "tools/inspect/disassembly.h"

namespace halconv {

struct InnerLoop {
    const InstructionSet *set;
    std::string function;
    int depth;                              // loops around the body, itself included
    std::vector<Instruction> instructions;  // in the order of their addresses, both sides of a branch
    std::vector<Operation> operations;      // of each

    int multiply_adds = 0;  // fused, and multiplications that are not fused
    int by_lane = 0;        // of these, with an operand from a lane
    int additions = 0;      // and subtractions
    int loads = 0;          // vector registers that are read from memory; operands of other instructions too
    int spills = 0;         // loads and stores of vector registers at a constant place of the stack frame
    int sums = 0;           // vector registers that are added to in each turn and never set: the register tile
    int registers = 0;      // vector registers that its instructions name
    int products = 0;       // f32 products of a turn: multiply_adds times lanes

    double multiply_adds_per_load() const { return double(multiply_adds) / loads; }
};

// The innermost loops that do floating-point arithmetic, hottest first. How often each runs is not known; the register
// tile's loop keeps its sums from turn to turn, so first comes the loop with most sums, among equals the one in the
// deepest nest, then with most multiply-adds, then the shortest: copies for the tensor's edges are longer.
std::vector<InnerLoop> inner_loops(const MachineCode &code);

}  // namespace halconv
