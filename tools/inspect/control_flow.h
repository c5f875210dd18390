// Loops of a control-flow graph.
#pragma once

#include <vector>

namespace halconv {

struct Loop {
    std::vector<int> body;   // nodes, ascending
    int depth = 1;           // loops around it, itself included
    bool innermost = false;  // no other loop's header is in its body
};

// The natural loops of the graph whose node i goes to successors[i]; 0 is the entry. A back edge ends at a node that
// every path from the entry to its begin passes (a dominator), the loop's header; the body is what reaches the back edge
// without passing the header. Back edges to one header make one loop. Aho, Lam, Sethi, Ullman, "Compilers", section 9.6.
std::vector<Loop> natural_loops(const std::vector<std::vector<int>> &successors);

}  // namespace halconv
