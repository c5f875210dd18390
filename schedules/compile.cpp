#include "schedules/compile.h"

#include "Halide.h"
#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "schedules/apply.h"
#include "schedules/autoschedule.h"
#include "schedules/gpu/compile_gpu.h"
#include "schedules/pairwise_sums.h"
#include "schedules/prefetch.h"
#include "schedules/scratch.h"

namespace halconv {

using namespace Halide;

namespace {

void set_winograd_pins(Internal::AbstractGenerator &generator, const halconv_key &key, const Schedule &schedule) {
    if (!is_winograd(schedule.form)) {
        return;
    }
    WinogradTiles tiles = winograd_tiles(key, schedule);
    generator.set_generatorparam_value("outputs_x", std::to_string(tiles.outputs_x));
    generator.set_generatorparam_value("outputs_y", std::to_string(tiles.outputs_y));
    if (schedule.share) {
        const char *extents[] = {"out_z", "out_y", "out_x"};
        for (int d = 0; d < 3; d++) {
            generator.set_generatorparam_value(extents[d], std::to_string(key.out[d]));
        }
    }
    generator.set_generatorparam_value("row_tiles", std::to_string(tiles.x));
    generator.set_generatorparam_value("single_row", tiles.y == 1 ? "true" : "false");
}

void set_pins(Internal::AbstractGenerator &generator, const halconv_key &key, const Schedule &schedule) {
    auto set = [&](const std::string &name, int32_t value) {
        generator.set_generatorparam_value(name, std::to_string(value));
    };
    const char *axes[] = {"z", "y", "x"};
    for (int d = 0; d < 3; d++) {
        std::string axis = axes[d];
        set("kernel_" + axis, key.kernel[d]);
        set("stride_" + axis, key.stride[d]);
        set("dilation_" + axis, key.dilation[d]);
        set("pad_before_" + axis, key.pad_before[d]);
        bool zeros = schedule.stage || schedule.reference || schedule.form == HALCONV_FORM_DEPTHWISE ||
                     is_winograd(schedule.form);
        generator.set_generatorparam_value("border_" + axis, schedule.skip[d] ? "skip" : zeros ? "zeros" : "none");
    }
    set("panel", weights_panel(key, schedule));
    set_winograd_pins(generator, key, schedule);
    bool whole_operands = key.group_in != HALCONV_FREE && key.group_in % schedule.operand_lanes == 0;
    generator.set_generatorparam_value("bound_channels",
                                       schedule.operand_lanes > 1 && !whole_operands ? "true" : "false");
    if (schedule.form == HALCONV_FORM_INNER_PRODUCT) {
        set("channels_in", key.group_in);
        set("channels_out", key.group_out);
    }
    if (schedule.form == HALCONV_FORM_ROW_FUSED) {
        set("group_out", key.group_out);
        set("bases_together", schedule.tile_x);
    }
    set("activation_pin", key.activation);
    set("piecewise_pin", key.piecewise);
    set("residual_pin", key.residual);
    if (stages_rows(key, schedule)) {
        Margins margins = row_margins(key);
        generator.set_generatorparam_value("stage_rows", "true");
        set("row_channels", key.in_layout == HALCONV_NHWC ? key.group_in : 1);
        set("margin_before", margins.before);
        set("margin_after", margins.after);
    }
    if (schedule.form == HALCONV_FORM_DEPTHWISE) {
        auto say = [&](const std::string &name, bool value) {
            generator.set_generatorparam_value(name, value ? "true" : "false");
        };
        bool shifted = shifts_lanes(key, schedule);
        bool whole_panels = key.groups != HALCONV_FREE && int64_t(key.groups) * key.group_out % schedule.panel() == 0;
        set("group_out", key.group_out);
        say("one_block", shifted);
        say("bound_groups", !shifted && !whole_panels && !schedule.gpu);  // threads beyond the last group do nothing
    }
}

// Tells Halide what the key fixes about a buffer's dimension; a free extent or stride is left to run time.
template <class Buffer> void fix_dimension(Buffer &buffer, int d, int32_t extent, int64_t stride) {
    auto dim = buffer.dim(d);
    dim.set_min(0);
    if (extent != HALCONV_FREE) {
        dim.set_extent(extent);
    }
    if (stride > 0) {
        dim.set_stride(int32_t(stride));
    } else {
        dim.set_stride(Expr());
    }
}

// Product of pins; 0 where one is free or an earlier product was.
int64_t times(int64_t a, int32_t pin) { return pin == HALCONV_FREE ? 0 : a * pin; }

// The input (i, g, x, y, z, n): extents and dense strides as far as they are pinned.
template <class Op> void fix_input(Op &op, const halconv_key &key) {
    const int32_t extents[6] = {key.group_in, key.groups, key.in[2], key.in[1], key.in[0], key.batch};
    const int nhwc[6] = {0, 1, 2, 3, 4, 5}, nchw[6] = {2, 3, 4, 0, 1, 5};  // dimensions, innermost first
    const int *order = key.in_layout == HALCONV_NHWC ? nhwc : nchw;
    int64_t stride = 1;
    for (int i = 0; i < 6; i++) {
        fix_dimension(op.input, order[i], extents[order[i]], stride);
        stride = times(stride, extents[order[i]]);
    }
}

// The input of inner products (x * channels + channel, 1, 1, y, z, n).
template <class Op> void fix_rows(Op &op, const halconv_key &key) {
    int64_t row = times(times(1, key.group_in), key.in[2]);
    const int32_t extents[6] = {row == 0 ? HALCONV_FREE : int32_t(row), 1, 1, key.in[1], key.in[0], key.batch};
    const int64_t strides[6] = {1, 0, 0, row, times(row, key.in[1]), times(times(row, key.in[1]), key.in[0])};
    for (int d = 0; d < 6; d++) {
        fix_dimension(op.input, d, extents[d], strides[d]);
    }
}

// Packed weights (lane, i, tx, ty, tz, rx, ry, rz, block) and bias (lane, block).
template <class Op> void fix_weights(Op &op, const halconv_key &key, const Schedule &schedule) {
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    int32_t extents[9];
    for (int32_t &extent : extents) {
        extent = HALCONV_FREE;
    }
    extents[0] = weights_panel(key, schedule);
    extents[1] = key.group_in;
    for (int d = 0; d < 3; d++) {
        bool pinned = key.kernel[d] != HALCONV_FREE && key.stride[d] != HALCONV_FREE && key.dilation[d] != HALCONV_FREE;
        int taps = 4 - d, phases = 7 - d;  // dimensions of axis d: z y x
        Axis<int64_t> axis = key_axis(key, d);
        const WinogradMatrices *winograd =
            d == 0 || !pinned ? nullptr : winograd_of_axis(schedule.form, transposed, axis);
        if (winograd) {
            extents[taps] = winograd->points();
            extents[phases] = transposed ? key.stride[d] : 1;
        } else if (!transposed) {
            extents[taps] = key.kernel[d];
            extents[phases] = 1;
        } else if (pinned) {
            bool fused = schedule.form == HALCONV_FORM_ROW_FUSED && d == 2;
            extents[taps] = int32_t(phase_axis(axis).max_taps());
            extents[phases] = fused ? 1 : key.stride[d];
        }
    }
    if (schedule.form == HALCONV_FORM_INNER_PRODUCT) {
        extents[1] = key.group_out;
        bool known = extents[2] != HALCONV_FREE && key.group_in != HALCONV_FREE;
        extents[2] = known ? (extents[2] * key.group_in + extents[0] - 1) / extents[0] : HALCONV_FREE;
        extents[8] = 1;
    }
    int64_t stride = 1;
    for (int d = 0; d < 9; d++) {
        fix_dimension(op.weights, d, extents[d], stride);
        stride = times(stride, extents[d]);
    }
    op.weights.set_host_alignment(64);
    fix_dimension(op.bias, 0, extents[0], 1);
    fix_dimension(op.bias, 1, HALCONV_FREE, extents[0]);
}

// Output and residual: channels and layout; positions of phases have their bounds at run time.
template <class Op> void fix_output(Op &op, const halconv_key &key, const Schedule &schedule) {
    constexpr bool by_phase = std::is_base_of_v<ByPhase<Op>, Op> || std::is_same_v<Op, ConvTransposeWinograd>;
    auto fix = [&](auto &buffer) {
        if (schedule.form == HALCONV_FORM_ROW_FUSED || schedule.form == HALCONV_FORM_INNER_PRODUCT) {
            buffer.dim(0).set_min(0);
            if (key.out[2] != HALCONV_FREE) {
                buffer.dim(0).set_extent(key.out[2] * key.group_out);
            }
            for (int d : {2, 4, 5}) {
                buffer.dim(d).set_min(0);
            }
            return;
        }
        int64_t channel = key.out_layout == HALCONV_NHWC ? 1 : 0;
        bool flat = schedule.form == HALCONV_FORM_DEPTHWISE;
        int32_t channels = int32_t(times(times(1, key.groups), key.group_out));
        fix_dimension(buffer, 0, flat ? 1 : key.group_out, channel);
        fix_dimension(buffer, 1, flat && channels != 0 ? channels : key.groups,
                      flat ? channel : times(channel, key.group_out));
        if (!by_phase) {
            fix_dimension(buffer, 2, key.out[2], channel == 1 ? times(times(1, key.group_out), key.groups) : 1);
            fix_dimension(buffer, 3, key.out[1], 0);
            fix_dimension(buffer, 4, key.out[0], 0);
            fix_dimension(buffer, 5, key.batch, 0);
        } else {
            for (int d = 0; d < 3; d++) {
                int phase = 6 - 2 * d, position = 7 - 2 * d;  // dimensions of axis d: z y x
                buffer.dim(position).set_min(0);
                if (key.out[d] == HALCONV_FREE || key.stride[d] == HALCONV_FREE) {
                    continue;
                }
                if (shares_input(schedule)) {
                    PhaseAxis<int64_t> axis = phase_axis(key_axis(key, d));
                    buffer.dim(phase).set_bounds(int(axis.first_phase()), key.stride[d]);
                    buffer.dim(position).set_extent(int(axis.bases(key.out[d])));
                    continue;
                }
                int64_t most = positions_of_phase(key.out[d], key.stride[d], 0);
                if (most == least_positions_of_phases(key.out[d], key.stride[d])) {
                    buffer.dim(position).set_extent(int(most));
                }
                if (one_phase_box(key.stride[d], key.out[d])) {
                    buffer.dim(phase).set_bounds(0, key.stride[d]);
                }
            }
            int64_t pixel = key.out_layout == HALCONV_NHWC ? times(times(1, key.group_out), key.groups) : 1;
            if (pixel > 0) {
                buffer.dim(2).set_stride(int32_t(pixel));
            }
            if (times(pixel, key.stride[2]) > 0) {
                buffer.dim(3).set_stride(int32_t(times(pixel, key.stride[2])));
            }
        }
    };
    fix(op.output);
    fix(op.residual);
}

void append_arguments(Internal::AbstractGenerator &generator, std::vector<Argument> &arguments) {
    for (const auto &info : generator.arginfos()) {
        if (info.dir != Internal::ArgInfoDirection::Input) {
            continue;
        }
        for (const Parameter &p : generator.input_parameter(info.name)) {
            arguments.emplace_back(p.name(), p.is_buffer() ? Argument::InputBuffer : Argument::InputScalar, p.type(),
                                   p.dimensions(), p.get_argument_estimates());
        }
    }
}

template <class Op> Module compile_form(const CompileJob &job) {
    GeneratorContext context{Halide::Target(halide_target_text(job))};
    std::unique_ptr<Op> op = Op::create(context);
    Internal::AbstractGenerator &generator = *op;
    set_pins(generator, job.key, job.schedule);
    Pipeline pipeline = generator.build_pipeline();
    if (job.schedule.form == HALCONV_FORM_INNER_PRODUCT) {
        fix_rows(*op, job.key);
    } else {
        fix_input(*op, job.key);
    }
    fix_weights(*op, job.key, job.schedule);
    fix_output(*op, job.key, job.schedule);
    if (!job.autoscheduler.empty()) {
        autoschedule(pipeline, generator, job, context.target());
    } else if (job.schedule.gpu) {
        schedule_for_gpu(*op, pipeline, job);
    } else if (!job.schedule.reference) {
        apply_schedule(*op, job.key, job.schedule);
    }
    std::vector<Argument> arguments;
    append_arguments(generator, arguments);
    auto peak = std::make_shared<ScratchPass::Peak>();
    pipeline.add_custom_lowering_pass(new ScratchPass(peak));
    if (job.schedule.prefetch_output) {
        pipeline.add_custom_lowering_pass(new OutputPrefetchPass(op->sum.name(), Func(op->output).name()));
    }
    if (!job.target.row->core.pairwise_addition) {
        pipeline.add_custom_lowering_pass(new PairwiseSums(job.target.row->vector_lanes));
    }
    Module module = pipeline.compile_to_module(arguments, job.symbol, context.target(), LinkageType::ExternalPlusArgv);
    module.append(scratch_function(job.symbol + "_scratch", module.get_function_by_name(job.symbol), *peak));
    return module;
}

Module compile_module(const CompileJob &job) {
    bool transpose = job.key.op == HALCONV_CONV_TRANSPOSE;
    switch (job.schedule.form) {
    case HALCONV_FORM_DIRECT:
        return compile_form<ConvDirect>(job);
    case HALCONV_FORM_PIXEL_LANES:
        return transpose ? compile_form<ConvTransposePhase>(job) : compile_form<ConvDirect>(job);
    case HALCONV_FORM_PHASE:
        return compile_form<ConvTransposePhase>(job);
    case HALCONV_FORM_ROW_FUSED:
        return compile_form<ConvTransposeRowFused>(job);
    case HALCONV_FORM_WINOGRAD2:
    case HALCONV_FORM_WINOGRAD3:
    case HALCONV_FORM_WINOGRAD4:
        return transpose ? compile_form<ConvTransposeWinograd>(job) : compile_form<ConvWinograd>(job);
    case HALCONV_FORM_INNER_PRODUCT:
        return transpose ? compile_form<ConvTransposeInnerProduct>(job) : compile_form<ConvInnerProduct>(job);
    case HALCONV_FORM_DEPTHWISE:
        return transpose ? compile_form<ConvTransposeDepthwise>(job) : compile_form<ConvDepthwise>(job);
    }
    throw std::logic_error("unknown form");
}

struct ThrowErrors : CompileTimeErrorReporter {
    void warning(const char *) override {}
    void error(const char *message) override { throw std::runtime_error(message); }
};

void report_by_exceptions() {
    static ThrowErrors reporter;
    set_custom_compile_time_error_reporter(&reporter);
}

// The module with other device code. The size that the host's code was given stays that of the text.
Module replace_device_code(const Module &module, const DeviceCode &device_code) {
    constexpr const char *kSources = "_gpu_source_kernels";  // "cuda_gpu_source_kernels"
    Module replaced(module.name(), module.target());
    for (const Internal::LoweredFunc &function : module.functions()) {
        replaced.append(function);
    }
    for (const Buffer<> &buffer : module.buffers()) {
        if (buffer.name().find(kSources) == std::string::npos) {
            replaced.append(buffer);
            continue;
        }
        std::string code = device_code(std::string(static_cast<const char *>(buffer.data()), buffer.size_in_bytes()));
        Buffer<uint8_t> bytes(int(code.size()), buffer.name());
        std::copy(code.begin(), code.end(), bytes.begin());
        replaced.append(Buffer<>(bytes));
    }
    return replaced;
}

}  // namespace

std::string halide_target_text(const CompileJob &job) {
    return job.target.halide + "-no_runtime-user_context-no_bounds_query" + (job.asserts ? "" : "-no_asserts");
}

void compile_object(const CompileJob &job, const std::filesystem::path &object, const DeviceCode &device_code) {
    report_by_exceptions();
    Module module = compile_module(job);
    if (device_code) {
        module = replace_device_code(module, device_code);
    }
    module.compile({{OutputFileType::object, object.string()}});
}

void compile_device_code(const CompileJob &job, const std::filesystem::path &text) {
    report_by_exceptions();
    compile_module(job).compile({{OutputFileType::device_code, text.string()}});
}

}  // namespace halconv
