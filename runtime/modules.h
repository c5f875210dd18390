// Device code that is loaded: once for each kernel and context, whatever the number of plans.
#pragma once

#include "runtime/backend.h"

namespace halconv {

struct Module;

// The module of `code` in the device's context, loaded if no plan has it. Every success is for one release_module.
halconv_status acquire_module(const halconv_rt_backend &backend, const halconv_device &device, const char *code,
                              int bytes, Module **module);
void release_module(Module *module);

void *module_handle(const Module &module);

}  // namespace halconv
