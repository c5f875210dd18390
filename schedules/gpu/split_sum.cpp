#include "schedules/gpu/split_sum.h"

#include "schedules/gpu/legal.h"

namespace halconv {

using namespace Halide;

namespace {

// A thread adds the parts of a vector of channels; neighbouring threads have neighbours in memory.
void schedule_total(Func output, Func sum, const RVar &part, int vector) {
    constexpr int kThreads = 128;
    Var lanes("lanes"), all("all"), block("block"), thread("thread");
    const std::vector<Var> place = output.args();
    output.split(place[0], all, lanes, vector, TailStrategy::RoundUp);
    for (size_t d = 1; d < place.size(); d++) {
        output.fuse(all, place[d], all);
    }
    output.split(all, block, thread, kThreads, TailStrategy::GuardWithIf).reorder(lanes, thread, block);
    output.gpu_blocks(block).gpu_threads(thread).vectorize(lanes).never_partition_all();
    const Var channel = sum.args()[0];
    sum.compute_at(output, thread).bound_extent(channel, vector).vectorize(channel);
    sum.update().vectorize(channel).unroll(part);
}

}  // namespace

PartialSums split_sum(Func output, Func sum, const RVar &channels, const halconv_key &key, const Schedule &schedule) {
    RVar part("part"), of_part("of_part");
    Var p("p");
    sum.update().split(channels, part, of_part, key.group_in / schedule.gpu->parts);
    Func partial = sum.update().rfactor(part, p);
    Func stored = partial.in(sum);
    stored.compute_root();
    schedule_total(output, sum, part, output_vector(key, schedule));
    return {stored, partial, p, of_part};
}

}  // namespace halconv
