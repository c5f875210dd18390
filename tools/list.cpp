#include "tools/list.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"
#include "schedules/schedule.h"
#include "schedules/target.h"

namespace halconv {
namespace {

using Json = nlohmann::ordered_json;

struct FormRow {
    halconv_form form;
    const char *operations, *summary;
};

constexpr FormRow kForms[] = {
    {HALCONV_FORM_DIRECT, "conv", "each output gathers its window; lanes are output channels"},
    {HALCONV_FORM_DEPTHWISE, "conv, conv_transpose",
     "few channels in and out per group; lanes are channels of all groups"},
    {HALCONV_FORM_PHASE, "conv_transpose", "each output gathers the taps of its phase; lanes are output channels"},
    {HALCONV_FORM_ROW_FUSED, "conv_transpose", "all x phases at once; lanes are (x phase, channel)"},
    {HALCONV_FORM_INNER_PRODUCT, "conv, conv_transpose", "few output channels; lanes are (x tap, input channel)"},
    {HALCONV_FORM_PIXEL_LANES, "conv, conv_transpose", "nchw, few channels; lanes are pixels of a row"},
    {HALCONV_FORM_WINOGRAD2, "conv, conv_transpose", "F(2, taps) on axes of 2 or 3 taps; numerics default or fast"},
    {HALCONV_FORM_WINOGRAD3, "conv, conv_transpose", "F(3, taps) on axes of 2 taps; numerics default or fast"},
    {HALCONV_FORM_WINOGRAD4, "conv, conv_transpose", "F(4, taps) on axes of 2 or 3 taps; numerics fast"},
};

void list_json(const halconv_kernel_set &builtin, const std::string &host) {
    for (const TargetRow &row : target_rows()) {
        fmt::print("{}\n", Json{{"target", row.name},
                                {"host", row.name == host},
                                {"vector_lanes", row.vector_lanes},
                                {"registers", row.registers},
                                {"summary", row.summary}}
                               .dump());
    }
    for (const TargetRow &row : gpu_target_rows()) {
        fmt::print(
            "{}\n",
            Json{{"target", row.name}, {"host", false}, {"graphics_processor", true}, {"summary", row.summary}}.dump());
    }
    for (const FormRow &row : kForms) {
        fmt::print(
            "{}\n",
            Json{{"form", form_name(row.form)}, {"operations", row.operations}, {"summary", row.summary}}.dump());
    }
    for (int32_t i = 0; i < builtin.count; i++) {
        const halconv_kernel &kernel = builtin.kernels[i];
        fmt::print("{}\n", Json{{"kernel", kernel.name},
                                {"form", form_name(halconv_form(kernel.form))},
                                {"schedule", kernel.schedule},
                                {"origin", kernel.origin}}
                               .dump());
    }
}

void list_text(const halconv_kernel_set &builtin, const std::string &host) {
    fmt::print("Targets, weakest first (* is this machine's, and may be called host):\n");
    for (const TargetRow &row : target_rows()) {
        fmt::print("  {} {:<16} {:>2} f32 lanes, {:>2} vector registers  {}\n", row.name == host ? '*' : ' ', row.name,
                   row.vector_lanes, row.registers, row.summary);
    }
    fmt::print("\nGraphics processors, for build, run and bench:\n");
    for (const TargetRow &row : gpu_target_rows()) {
        fmt::print("    {:<16} {}\n", row.name, row.summary);
    }
    fmt::print("\nForms:\n");
    for (const FormRow &row : kForms) {
        fmt::print("    {:<13} {:<21} {}\n", form_name(row.form), row.operations, row.summary);
    }
    fmt::print("\nBuilt-in set, {} kernels:\n", builtin.count);
    for (int32_t i = 0; i < builtin.count; i++) {
        fmt::print("    {}\n", builtin.kernels[i].name);
    }
}

}  // namespace

void add_list_command(CLI::App &program, int &status) {
    auto json = std::make_shared<bool>(false);
    CLI::App *command = program.add_subcommand("list", "List targets, forms and the built-in kernels");
    command->add_flag("--json", *json, "JSON Lines: an object with the key target, form or kernel a line");
    command->callback([json, &status] {
        (*json ? list_json : list_text)(*halconv_builtin_kernels(), parse_target("host").row->name);
        status = 0;
    });
}

}  // namespace halconv
