#include "schedules/autoschedule.h"

#include <dlfcn.h>

#include <cctype>
#include <filesystem>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/model_forms.h"

namespace halconv {

using namespace Halide;

namespace {

std::string plugin_path(const std::string &name) {
    std::string file = "libautoschedule_";
    for (char c : name) {
        file += char(std::tolower(static_cast<unsigned char>(c)));
    }
    Dl_info halide;
    dladdr(reinterpret_cast<void *>(&get_host_target), &halide);
    std::filesystem::path path = std::filesystem::path(halide.dli_fname).parent_path() / (file + ".so");
    if (!std::filesystem::exists(path)) {
        throw std::runtime_error("there is no " + path.filename().string() + " beside libHalide");
    }
    return path.string();
}

int32_t phases_of(const halconv_key &key, int d) { return std::min(key.stride[d], key.out[d]); }

// Extents of the output (kernel_table.h).
std::vector<int32_t> output_extents(const halconv_key &key, halconv_form form) {
    bool flat = form == HALCONV_FORM_DEPTHWISE;
    std::vector<int32_t> extents = {flat ? 1 : key.group_out, flat ? key.groups * key.group_out : key.groups};
    for (int d : {2, 1, 0}) {
        if (key.op == HALCONV_CONV) {
            extents.push_back(key.out[d]);
        } else {
            extents.push_back(phases_of(key, d));
            extents.push_back(int32_t(positions_of_phase(key.out[d], key.stride[d], 0)));
        }
    }
    extents.push_back(key.batch);
    return extents;
}

void estimate_buffer(Parameter buffer, const std::vector<int32_t> &extents) {
    for (int d = 0; d < buffer.dimensions(); d++) {
        buffer.set_min_constraint_estimate(d, 0);
        buffer.set_extent_constraint_estimate(d, extents[size_t(d)]);
    }
}

void estimate_axis(Internal::AbstractGenerator &generator, const halconv_key &key, int d, const std::string &name) {
    const PhaseAxis<int64_t> axis = phase_axis(key_axis(key, d));
    const int64_t values[] = {axis.axis.kernel,     axis.axis.stride, axis.axis.dilation,
                              axis.axis.pad_before, axis.gcd,         axis.inverse};
    std::vector<Parameter> scalars = generator.input_parameter(name);
    for (size_t i = 0; i < scalars.size(); i++) {
        scalars[i].set_estimate(Expr(int32_t(values[i])));
    }
}

}  // namespace

Schedule autoschedule_layout(const halconv_key &key) {
    Schedule s;
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    s.form = is_depthwise(key) ? HALCONV_FORM_DEPTHWISE : transposed ? HALCONV_FORM_PHASE : HALCONV_FORM_DIRECT;
    s.reference = true;
    s.lanes = is_depthwise(key) ? key.groups : key.group_out;
    return s;
}

void autoschedule(const Pipeline &pipeline, Internal::AbstractGenerator &generator, const CompileJob &job,
                  const Halide::Target &target) {
    const halconv_key &key = job.key;
    auto buffer = [&](const char *name) { return generator.input_parameter(name).front(); };
    estimate_buffer(buffer("input"), {key.group_in, key.groups, key.in[2], key.in[1], key.in[0], key.batch});
    // Taps of the phase with the most, phases; blocks: one for each group.
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE, flat = job.schedule.form == HALCONV_FORM_DEPTHWISE;
    std::vector<int32_t> weights = {job.schedule.panel(), key.group_in}, phases;
    for (int d : {2, 1, 0}) {
        weights.push_back(transposed ? int32_t(phase_axis(key_axis(key, d)).max_taps()) : key.kernel[d]);
        phases.push_back(transposed ? key.stride[d] : 1);
    }
    weights.insert(weights.end(), phases.begin(), phases.end());
    int32_t blocks = flat ? 1 : key.groups;
    weights.push_back(blocks);
    estimate_buffer(buffer("weights"), weights);
    estimate_buffer(buffer("bias"), {job.schedule.panel(), blocks});
    std::vector<int32_t> output = output_extents(key, job.schedule.form);
    estimate_buffer(buffer("residual"), output);
    const char *axes[] = {"axis_z", "axis_y", "axis_x"};
    for (int d = 0; d < 3; d++) {
        estimate_axis(generator, key, d, axes[d]);
    }
    for (const char *name : {"activation_kind", "has_residual"}) {
        buffer(name).set_estimate(Expr(0));
    }
    for (const char *name : {"slope", "low", "high"}) {
        buffer(name).set_estimate(Expr(1.0f));
    }
    Func result = generator.output_func("output").front();
    for (size_t d = 0; d < output.size(); d++) {
        result.set_estimate(result.args()[d], 0, output[d]);
    }
    load_plugin(plugin_path(job.autoscheduler));
    pipeline.apply_autoscheduler(target, {job.autoscheduler, {{"parallelism", "1"}}});
}

}  // namespace halconv
