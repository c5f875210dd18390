#include "runtime/modules.h"

#include <pthread.h>

#include <cstdlib>
#include <new>

namespace halconv {

struct Module {
    const halconv_rt_backend *backend;
    halconv_device device;
    const char *code;
    void *handle;
    int64_t plans;
    Module *next;
};

namespace {

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
Module *first = nullptr;

Module *find(const halconv_rt_backend &backend, const halconv_device &device, const char *code) {
    Module *m = first;
    while (m && !(m->backend == &backend && m->device.context == device.context && m->code == code)) {
        m = m->next;
    }
    return m;
}

halconv_status load(const halconv_rt_backend &backend, const halconv_device &device, const char *code, int bytes,
                    Module **module) {
    void *memory = std::malloc(sizeof(Module));
    if (!memory) {
        return HALCONV_OUT_OF_MEMORY;
    }
    void *handle = nullptr;
    if (halconv_status status = backend.load(device, code, bytes, &handle)) {
        std::free(memory);
        return status;
    }
    first = *module = new (memory) Module{&backend, device, code, handle, 0, first};
    return HALCONV_OK;
}

}  // namespace

halconv_status acquire_module(const halconv_rt_backend &backend, const halconv_device &device, const char *code,
                              int bytes, Module **module) {
    pthread_mutex_lock(&mutex);
    *module = find(backend, device, code);
    halconv_status status = *module ? HALCONV_OK : load(backend, device, code, bytes, module);
    if (status == HALCONV_OK) {
        (*module)->plans++;
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

void release_module(Module *module) {
    pthread_mutex_lock(&mutex);
    if (--module->plans == 0) {
        Module **link = &first;
        while (*link != module) {
            link = &(*link)->next;
        }
        *link = module->next;
        module->backend->unload(module->device, module->handle);
        std::free(module);
    }
    pthread_mutex_unlock(&mutex);
}

void *module_handle(const Module &module) { return module.handle; }

}  // namespace halconv
