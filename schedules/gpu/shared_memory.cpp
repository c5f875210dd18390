#include "schedules/gpu/shared_memory.h"

#include <algorithm>

namespace halconv {

using namespace Halide;

namespace {

int largest_divisor(int64_t number, int most) {
    int divisor = int(std::min<int64_t>(number, most));
    while (number % divisor != 0) {
        divisor--;
    }
    return divisor;
}

// All vectors of the stage as one loop.
void fuse_all(const Spread &s, const Var &all, const Var &lanes) {
    Func stage = s.stage;
    stage.split(s.order[0], all, lanes, s.vector);
    for (size_t d = 1; d < s.order.size(); d++) {
        stage.fuse(all, s.order[d], all);
    }
}

void finish(const Spread &s, const Var &all, const Var &lanes, const std::vector<Var> &threads) {
    Func stage = s.stage;
    std::vector<VarOrRVar> loops(threads.begin(), threads.end());
    stage.reorder(concat({{lanes, all}, loops, s.blocks}));
    for (const Var &thread : threads) {
        stage.gpu_threads(thread);
    }
    stage.unroll(all).vectorize(lanes).never_partition_all();
}

std::vector<Var> thread_loops(const Spread &s) {
    std::vector<Var> loops;
    for (size_t d = 0; d < s.threads.size(); d++) {
        loops.emplace_back("spread_" + std::to_string(d));
    }
    return loops;
}

}  // namespace

std::vector<VarOrRVar> concat(const std::vector<std::vector<VarOrRVar>> &parts) {
    std::vector<VarOrRVar> all;
    for (const auto &part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

void spread(const Spread &s) {
    Func stage = s.stage;
    Var lanes("lanes"), all("all");
    const std::vector<Var> loops = thread_loops(s);
    fuse_all(s, all, lanes);
    int count = 1;
    for (int threads : s.threads) {
        count *= threads;
    }
    stage.split(all, all, loops.back(), count, TailStrategy::GuardWithIf);
    for (size_t d = 0; d + 1 < loops.size(); d++) {
        stage.split(loops.back(), loops.back(), loops[d], s.threads[d]);
    }
    finish(s, all, lanes, loops);
}

void spread_evenly(const Spread &s, int64_t elements) {
    Func stage = s.stage;
    Var lanes("lanes"), all("all");
    const std::vector<Var> loops = thread_loops(s);
    fuse_all(s, all, lanes);
    int64_t rest = elements / s.vector;
    for (size_t d = 0; d < loops.size(); d++) {
        int factor = largest_divisor(rest, s.threads[d]);
        rest /= factor;
        stage.split(all, all, loops[d], factor, TailStrategy::RoundUp);
    }
    finish(s, all, lanes, loops);
}

void bring_windows(const Windows &w, const halconv_key &key, const Schedule &schedule, const std::vector<int> &threads,
                   const LoopLevel &at) {
    Func padded = w.padded;
    padded.bound_extent(w.c, schedule.gpu->chunk).bound_extent(w.g, 1).bound_extent(w.n, 1);
    const Var axes[] = {w.z, w.y, w.x};
    for (int d = 0; d < 3; d++) {
        padded.bound_extent(axes[d], int(w.extents[d]));
    }
    // A row begins at a multiple of a vector.
    padded.compute_at(at).store_in(MemoryType::GPUShared).reorder_storage(w.x, w.y, w.c).align_storage(w.x, kGpuVector);
    std::vector<Var> order = {w.c, w.x, w.y};
    if (key.in_layout != HALCONV_NHWC) {
        order = {w.x, w.y, w.c};
    }
    order.insert(order.end(), {w.z, w.g, w.n});
    spread({padded, order, input_vector(key, schedule), threads});
}

void unroll_taps(Stage update, const std::vector<std::pair<RVar, int>> &loops, int64_t products) {
    for (const auto &[loop, extent] : loops) {
        if (products * extent > kUnrolledProducts) {
            return;
        }
        update.unroll(loop);
        products *= extent;
    }
}

}  // namespace halconv
