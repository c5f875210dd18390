// One kernel from key, schedule and target to an object file.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "runtime/core/kernel_table.h"
#include "schedules/schedule.h"
#include "schedules/target.h"

namespace halconv {

struct CompileJob {
    halconv_key key;
    Schedule schedule;
    Target target;
    std::string symbol;    // C name; the object defines SYMBOL_argv and SYMBOL_scratch_argv (halconv_kernel_function)
    bool asserts = false;  // keep Halide's run-time checks
    // "Adams2019" or "Mullapudi2016": that one schedules, and `schedule` is autoschedule_layout's. Empty: as `schedule` says.
    std::string autoscheduler = {};
};

// Halide's target string for the job: target, no_runtime, user_context, ...
std::string halide_target_text(const CompileJob &job);

// Writes the object. Its references to Halide's runtime still have Halide's names. Throws std::exception whose text is
// Halide's message. Halide keeps global counters: for reproducible objects compile one job a process.
// Of a GPU target, the object holds what `device_code`, where it is given, makes of the driver's text.
using DeviceCode = std::function<std::string(const std::string &text)>;
void compile_object(const CompileJob &job, const std::filesystem::path &object, const DeviceCode &device_code = {});

// Of a GPU target: writes what the host's code hands to the driver, PTX or OpenCL C.
void compile_device_code(const CompileJob &job, const std::filesystem::path &text);

}  // namespace halconv
