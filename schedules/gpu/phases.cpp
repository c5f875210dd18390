#include "schedules/gpu/phases.h"

#include "runtime/core/conv_shape.h"
#include "schedules/gpu/legal.h"

namespace halconv {

void schedule_phases(Halide::Func output, const halconv_key &key, const std::vector<Halide::Var> &phases,
                     const Halide::Var &channels, const Halide::Var &places) {
    for (size_t i = 0; i < phases.size(); i++) {
        size_t axis = phases.size() - 1 - i;
        if (one_phase_box(key.stride[axis], key.out[axis])) {
            const Halide::Var &blocks = axis == 0 ? places : channels;
            output.fuse(blocks, phases[i], blocks);
        }
    }
}

void bound_phases(Halide::Func stage, const halconv_key &key, const std::vector<Halide::Var> &phases, size_t together) {
    for (size_t d = 0; d < phases.size(); d++) {
        stage.bound_extent(phases[d], d < together ? int(axis_phases(key, 2 - int(d))) : 1);
    }
}

}  // namespace halconv
