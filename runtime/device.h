// What a plan for a graphics processor has beside its kernel's row. A kernel's host code is run once while the plan is created,
// with hooks that start nothing: from what it asks them follow the device code, the entries that it launches and its scratch
// memory on the device.
#pragma once

#include "runtime/backend.h"
#include "runtime/modules.h"

struct halconv_plan;

namespace halconv {

constexpr int kMaxEntries = 32;

struct Entry {
    const char *name;  // in the kernel's object
    EntryNeeds needs;
    void *function;
};

struct DeviceKernels {
    const halconv_rt_backend *backend;  // null: the plan is for the processor
    halconv_device device;
    int32_t capability;
    const char *code;
    int code_bytes;
    Module *module;
    int entries;
    Entry entry[kMaxEntries];
    uint64_t scratch_bytes;
};

// A call of a kernel's host code: a survey that starts nothing, or a run.
struct DeviceCall {
    DeviceKernels *survey;         // null: a run
    const DeviceKernels *kernels;  // of a run
    uint64_t scratch;              // address of the scratch memory
    uint64_t scratch_used;
    halconv_status status;  // of the first hook that failed: kernels without asserts do not look at what hooks return
};

// Whether tensors are aligned to this on a device: four floats, the vectors of its kernels.
constexpr uintptr_t kDeviceAlignment = 16;

// Finds the set's backend and opens the device of the options.
halconv_status open_device(const halconv_kernel_set &set, const halconv_device &device, DeviceKernels &kernels);

// Surveys the plan's kernel, loads its code and finds its entries.
halconv_status prepare_device(halconv_plan &plan);

// Gives back what prepare_device took, also of a part of it.
void release_device(DeviceKernels &kernels);

}  // namespace halconv
