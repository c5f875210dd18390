// How a block of threads brings what it multiplies to shared memory.
#pragma once

#include <vector>

#include "Halide.h"
#include "schedules/gpu/legal.h"

namespace halconv {

std::vector<Halide::VarOrRVar> concat(const std::vector<std::vector<Halide::VarOrRVar>> &parts);

// A stage that the block's threads, in so many dimensions (innermost first), write `vector` elements at a time. `order`: all
// its dimensions, from the one contiguous in memory on; `blocks`: loops around the threads.
struct Spread {
    Halide::Func stage;
    std::vector<Halide::Var> order;
    int vector;
    std::vector<int> threads;
    std::vector<Halide::VarOrRVar> blocks = {};
};
// Over all threads, some of which have nothing left to do at the end.
void spread(const Spread &s);
// Over as many threads as divide `elements`, so that none needs a condition.
void spread_evenly(const Spread &s, int64_t elements);

// The input (c, g, x, y, z, n) under all windows of a block's outputs, for a chunk of its channels; `extents`: z, y, x.
struct Windows {
    Halide::Func padded;
    Halide::Var c, g, x, y, z, n;
    int64_t extents[3];
};
void bring_windows(const Windows &w, const halconv_key &key, const Schedule &schedule, const std::vector<int> &threads,
                   const Halide::LoopLevel &at);

// The loops of a thread over its taps, unrolled from the innermost on as long as the program stays short; `products` are those
// inside. That over channels in remains a loop: LLVM joins loads to 128 bits only where their place is no constant.
void unroll_taps(Halide::Stage update, const std::vector<std::pair<Halide::RVar, int>> &loops, int64_t products);

}  // namespace halconv
