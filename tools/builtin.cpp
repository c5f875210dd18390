// The built-in set as data: which keys, and the sizes that their tiles are chosen for.
#include <algorithm>

#include <fmt/format.h>

#include "halconv/halconv.h"
#include "runtime/cpu_features.h"
#include "tools/kernel_plan.h"

namespace halconv {

namespace {

halconv_key free_key(int32_t op, int32_t in_layout, int32_t out_layout) {
    halconv_key key;
    key.op = op, key.dtype = HALCONV_F32, key.in_layout = in_layout, key.out_layout = out_layout;
    key.batch = key.groups = key.group_in = key.group_out = HALCONV_FREE;
    for (int d = 0; d < 3; d++) {
        key.in[d] = key.out[d] = HALCONV_FREE;
        key.kernel[d] = key.stride[d] = key.dilation[d] = key.pad_before[d] = HALCONV_FREE;
    }
    key.activation = HALCONV_LINEAR;
    key.piecewise = HALCONV_FREE;
    key.residual = 0;
    return key;
}

// Sizes for which the tile of a kernel with free sizes is chosen.
struct Hint {
    int32_t positions;  // on x and y, of a phase
    int32_t channels;   // of a group
};

// The forms whose kernels may leave sizes and channels free.
bool takes_free_sizes(halconv_form form) {
    return form == HALCONV_FORM_DIRECT || form == HALCONV_FORM_PHASE || form == HALCONV_FORM_DEPTHWISE;
}

// The best schedule for a problem of the hinted size, freed from that size: its block is one row of tiles. The batch stays free,
// so that forms of pinned problems do not crowd out the others among the candidates.
Schedule hinted_schedule(halconv_key key, const Hint &hint, const TargetRow &target) {
    for (int d = 0; d < 3; d++) {
        if (key.kernel[d] == HALCONV_FREE) {
            key.kernel[d] = d == 0 ? 1 : 3;
        }
        if (key.stride[d] == HALCONV_FREE) {
            key.stride[d] = 1;
        }
        if (key.dilation[d] == HALCONV_FREE) {
            key.dilation[d] = 1;
        }
        key.pad_before[d] = d == 0 ? 0 : 1;
        key.out[d] = d == 0 ? 1 : hint.positions * (key.op == HALCONV_CONV_TRANSPOSE ? key.stride[d] : 1);
        key.in[d] = key.out[d];
    }
    bool depthwise = key.group_in == 1 && key.group_out == 1;
    key.groups = depthwise ? hint.channels : 1;
    if (!depthwise) {
        key.group_in = key.group_out = hint.channels;
    }
    const std::vector<Candidate> found = candidates(key, target, HALCONV_STRICT);
    auto candidate =
        std::find_if(found.begin(), found.end(), [](const Candidate &c) { return takes_free_sizes(c.schedule.form); });
    if (candidate == found.end()) {
        throw WorkError(fmt::format("{}: no candidate takes free sizes", target.name));
    }
    Schedule best = candidate->schedule;
    best.rows = best.tile_y;
    best.parallel = ParallelAxis::kRows;
    best.stage = best.form != HALCONV_FORM_DEPTHWISE;
    if (best.form != HALCONV_FORM_DEPTHWISE) {
        std::fill_n(best.skip, 3, false);
    }
    best.prefetch_output = false;
    return best;
}

void pin(halconv_key &key, int32_t kernel, int32_t stride) {
    for (int d = 0; d < 3; d++) {
        key.kernel[d] = d == 0 ? 1 : kernel;
        key.stride[d] = d == 0 ? 1 : stride;
        key.dilation[d] = 1;
    }
    key.in[0] = key.out[0] = 1;
    key.pad_before[0] = 0;
}

void pin_depthwise(halconv_key &key) { key.group_in = key.group_out = 1; }

struct KernelStride {
    int32_t kernel, stride;
};
constexpr KernelStride kCommonConv[] = {{1, 1}, {1, 2}, {3, 1}, {3, 2}, {5, 1}, {7, 2}};
constexpr KernelStride kCommonTranspose[] = {{2, 2}, {3, 2}, {4, 2}};
constexpr KernelStride kCommonDepthwise[] = {{3, 1}, {3, 2}, {5, 1}};
constexpr KernelStride kCommonDepthwiseTranspose[] = {{4, 2}};
constexpr Hint kLarge{56, 64}, kMedium{7, 64}, kSmall{1, 64}, kFewChannels{56, 3};

struct Collector {
    std::vector<KernelJob> &jobs;
    const Target &target;

    void add(const halconv_key &key, const Hint &hint) const {
        jobs.push_back(make_job(key, hinted_schedule(key, hint, *target.row), target, false));
        for (size_t i = 0; i + 1 < jobs.size(); i++) {
            if (jobs[i].name == jobs.back().name) {
                jobs.pop_back();
                return;
            }
        }
    }

    template <size_t count> void add_pinned(halconv_key key, const KernelStride (&common)[count]) const {
        for (const KernelStride &c : common) {
            pin(key, c.kernel, c.stride);
            add(key, kLarge);
        }
    }

    void add_operation(int32_t op, int32_t layout) const {
        bool conv = op == HALCONV_CONV;
        halconv_key key = free_key(op, layout, layout), depthwise = key, any = key;
        for (const Hint &hint : {kLarge, kMedium, kSmall, kFewChannels}) {
            add(key, hint);
        }
        pin_depthwise(depthwise);
        for (const Hint &hint : {kLarge, kSmall}) {
            add(depthwise, hint);
        }
        any.activation = any.residual = HALCONV_FREE;
        add(any, kSmall);
        if (conv) {
            add_pinned(key, kCommonConv);
            add_pinned(depthwise, kCommonDepthwise);
        } else {
            add_pinned(key, kCommonTranspose);
            add_pinned(depthwise, kCommonDepthwiseTranspose);
        }
    }
};

}  // namespace

std::vector<KernelJob> builtin_kernels(const std::vector<std::string> &targets) {
    std::vector<KernelJob> jobs;
    std::vector<Target> parsed = one_platform(targets);
    for (const Target &target : parsed) {
        if (target.row->gpu) {
            throw InputError("target " + target.name + ": the built-in set is for processors");
        }
        for (int32_t op : {HALCONV_CONV, HALCONV_CONV_TRANSPOSE}) {
            for (int32_t layout : {HALCONV_NHWC, HALCONV_NCHW}) {
                Collector{jobs, target}.add_operation(op, layout);
            }
        }
    }
    for (int32_t op : {HALCONV_CONV, HALCONV_CONV_TRANSPOSE}) {
        for (int32_t in : {HALCONV_NHWC, HALCONV_NCHW}) {
            for (int32_t out : {HALCONV_NHWC, HALCONV_NCHW}) {
                halconv_key key = free_key(op, in, out);
                key.activation = key.residual = HALCONV_FREE;
                jobs.push_back(make_job(key, reference_schedule(key), parsed.front(), false));
            }
        }
    }
    return jobs;
}

std::vector<std::string> builtin_targets() {
    std::vector<std::string> names;
    for (const TargetRow &row : target_rows()) {
        if (row.builtin && row.arch == std::string(cpu_architecture())) {
            names.push_back(row.name);
        }
    }
    return names;
}

}  // namespace halconv
