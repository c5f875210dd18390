#include "tools/inspect/inner_loop.h"

#include <algorithm>
#include <bitset>
#include <tuple>
#include <unordered_map>

#include "tools/inspect/control_flow.h"

namespace halconv {

namespace {

std::vector<Operation> decode(const MachineFunction &function, const InstructionSet &set) {
    const std::vector<Instruction> &all = function.instructions;
    const bool frame_pointer = std::any_of(all.begin(), all.end(), set.sets_frame_pointer);
    std::vector<Operation> operations;
    for (const Instruction &instruction : all) {
        operations.push_back(set.decode(instruction, frame_pointer));
    }
    return operations;
}

// Edges between the function's instructions.
std::vector<std::vector<int>> flow_graph(const MachineFunction &function, const std::vector<Operation> &operations) {
    std::unordered_map<uint64_t, int> index;
    const size_t count = operations.size();
    for (size_t i = 0; i < count; i++) {
        index[function.instructions[i].address] = int(i);
    }
    std::vector<std::vector<int>> successors(count);
    for (size_t i = 0; i < count; i++) {
        const Operation &op = operations[i];
        if (op.target) {
            if (auto found = index.find(*op.target); found != index.end()) {
                successors[i].push_back(found->second);
            }
        }
        if ((op.flow == Flow::kNext || op.flow == Flow::kBranch) && i + 1 < count) {
            successors[i].push_back(int(i) + 1);
        }
    }
    return successors;
}

void count(InnerLoop &loop) {
    uint64_t seen = 0;  // registers that an earlier instruction of the body names
    for (const Operation &op : loop.operations) {
        bool multiplies = op.arithmetic == FloatWork::kMultiplyAdd || op.arithmetic == FloatWork::kMultiply;
        loop.multiply_adds += multiplies;
        loop.products += multiplies ? op.lanes : 0;
        loop.by_lane += multiplies && op.by_lane;
        loop.additions += op.arithmetic == FloatWork::kAdd;
        loop.loads += op.loads;
        loop.spills += op.stack_slot ? op.loads + op.stores : 0;
        loop.sums += op.sum >= 0 && (seen >> op.sum & 1) == 0;
        seen |= op.registers;
    }
    loop.registers = int(std::bitset<64>(seen).count());
}

}  // namespace

std::vector<InnerLoop> inner_loops(const MachineCode &code) {
    std::vector<InnerLoop> loops;
    for (const MachineFunction &function : code.functions) {
        const std::vector<Operation> operations = decode(function, *code.set);
        for (const Loop &found : natural_loops(flow_graph(function, operations))) {
            if (!found.innermost) {
                continue;
            }
            InnerLoop loop{code.set, function.name, found.depth, {}, {}};
            for (int node : found.body) {
                loop.instructions.push_back(function.instructions[size_t(node)]);
                loop.operations.push_back(operations[size_t(node)]);
            }
            count(loop);
            if (loop.multiply_adds + loop.additions > 0) {
                loops.push_back(std::move(loop));
            }
        }
    }
    std::stable_sort(loops.begin(), loops.end(), [](const InnerLoop &a, const InnerLoop &b) {
        auto heat = [](const InnerLoop &l) {
            return std::make_tuple(l.multiply_adds > 0, l.sums, l.depth, l.multiply_adds, -int(l.instructions.size()));
        };
        return heat(a) > heat(b);
    });
    return loops;
}

}  // namespace halconv
