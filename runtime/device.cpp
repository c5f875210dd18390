#include "runtime/device.h"

#include "runtime/core/context.h"
#include "runtime/core/enum_value.h"
#include "runtime/plan.h"

namespace halconv {

namespace {

halconv_status survey(halconv_plan &plan) {
    alignas(kAlignment) char unread[kAlignment] = {};  // by any hook of a survey, and not written
    DeviceCall call{&plan.device, nullptr, reinterpret_cast<uintptr_t>(unread), 0, HALCONV_OK};
    return run_boxes(plan, {unread, unread, unread, unread, nullptr}, &call);
}

}  // namespace

halconv_status open_device(const halconv_kernel_set &set, const halconv_device &device, DeviceKernels &kernels) {
    for (int32_t i = 0; i < set.count; ++i) {
        const halconv_rt_backend *backend = set.kernels[i].backend;
        if (backend && backend->api == enum_value(device.api)) {
            kernels.backend = backend;
            kernels.device = device;
            return backend->open(kernels.device, kernels.capability);
        }
    }
    return HALCONV_NO_KERNEL;
}

halconv_status prepare_device(halconv_plan &plan) {
    DeviceKernels &kernels = plan.device;
    if (halconv_status status = survey(plan)) {
        return status;
    }
    if (!kernels.code) {
        return HALCONV_KERNEL_FAILED;
    }
    const halconv_rt_backend &backend = *kernels.backend;
    if (halconv_status status =
            acquire_module(backend, kernels.device, kernels.code, kernels.code_bytes, &kernels.module)) {
        return status;
    }
    for (int i = 0; i < kernels.entries; ++i) {
        Entry &entry = kernels.entry[i];
        if (halconv_status status = backend.find(kernels.device, module_handle(*kernels.module), entry.name,
                                                 entry.needs, &entry.function)) {
            return status;
        }
    }
    return HALCONV_OK;
}

void release_device(DeviceKernels &kernels) {
    for (int i = 0; i < kernels.entries; ++i) {
        if (kernels.entry[i].function) {
            kernels.backend->release(kernels.entry[i].function);
        }
    }
    if (kernels.module) {
        release_module(kernels.module);
    }
}

}  // namespace halconv
