#include "tools/inspect/control_flow.h"

#include <algorithm>
#include <map>

namespace halconv {

namespace {

constexpr int kNone = -1;

using Edges = std::vector<std::vector<int>>;

// Nodes that the entry reaches, each after those of its successors that were new.
std::vector<int> postorder(const Edges &successors) {
    std::vector<int> order;
    std::vector<char> seen(successors.size());
    std::vector<std::pair<int, size_t>> path;
    auto enter = [&](int node) {
        seen[size_t(node)] = 1;
        path.emplace_back(node, 0);
    };
    enter(0);
    while (!path.empty()) {
        auto &[node, next] = path.back();
        const std::vector<int> &out = successors[size_t(node)];
        if (next == out.size()) {
            order.push_back(node);
            path.pop_back();
        } else if (int to = out[next++]; !seen[size_t(to)]) {
            enter(to);
        }
    }
    return order;
}

// The nearest dominator of each node, of the entry itself; kNone for what the entry does not reach. Cooper, Harvey and
// Kennedy, "A Simple, Fast Dominance Algorithm", 2001.
std::vector<int> immediate_dominators(const Edges &predecessors, const std::vector<int> &order) {
    std::vector<int> rank(predecessors.size(), kNone), dominator(predecessors.size(), kNone);
    for (size_t i = 0; i < order.size(); i++) {
        rank[size_t(order[i])] = int(i);
    }
    auto meet = [&](int a, int b) {
        while (a != b) {
            int &lower = rank[size_t(a)] < rank[size_t(b)] ? a : b;
            lower = dominator[size_t(lower)];
        }
        return a;
    };
    dominator[0] = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (auto node = order.rbegin() + 1; node != order.rend(); ++node) {
            int found = kNone;
            for (int from : predecessors[size_t(*node)]) {
                if (dominator[size_t(from)] != kNone) {
                    found = found == kNone ? from : meet(found, from);
                }
            }
            changed = changed || dominator[size_t(*node)] != found;
            dominator[size_t(*node)] = found;
        }
    }
    return dominator;
}

bool dominates(const std::vector<int> &dominator, int above, int node) {
    while (node != above && node != 0) {
        node = dominator[size_t(node)];
    }
    return node == above;
}

// What reaches `from` without passing `header`, and both.
void add_body(const Edges &predecessors, int header, int from, std::vector<char> &in_body) {
    std::vector<int> open = {from};
    in_body[size_t(header)] = 1;
    while (!open.empty()) {
        int node = open.back();
        open.pop_back();
        if (!in_body[size_t(node)]) {
            in_body[size_t(node)] = 1;
            open.insert(open.end(), predecessors[size_t(node)].begin(), predecessors[size_t(node)].end());
        }
    }
}

}  // namespace

std::vector<Loop> natural_loops(const Edges &successors) {
    if (successors.empty()) {
        return {};
    }
    const std::vector<int> order = postorder(successors);
    Edges predecessors(successors.size());
    for (int node : order) {
        for (int to : successors[size_t(node)]) {
            predecessors[size_t(to)].push_back(node);
        }
    }
    const std::vector<int> dominator = immediate_dominators(predecessors, order);
    std::map<int, std::vector<char>> bodies;  // by header
    for (int node : order) {
        for (int to : successors[size_t(node)]) {
            if (dominates(dominator, to, node)) {
                std::vector<char> &body = bodies[to];
                body.resize(successors.size());
                add_body(predecessors, to, node, body);
            }
        }
    }
    std::vector<Loop> loops;
    for (const auto &[header, body] : bodies) {
        Loop loop;
        loop.depth = 0;
        loop.innermost = true;
        for (const auto &[other_header, other_body] : bodies) {
            loop.depth += other_body[size_t(header)];
            loop.innermost = loop.innermost && (other_header == header || !body[size_t(other_header)]);
        }
        for (size_t node = 0; node < body.size(); node++) {
            if (body[node]) {
                loop.body.push_back(int(node));
            }
        }
        loops.push_back(std::move(loop));
    }
    return loops;
}

}  // namespace halconv
