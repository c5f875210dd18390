#include <dlfcn.h>

#include "runtime/core/kernel_table.h"
#include "tools/build.h"
#include "tools/scratch_folder.h"

namespace halconv {

namespace fs = std::filesystem;

void keep_assert_hooks();  // assert_hooks.cpp

// What tables of kernels for graphics processors refer to: a static link of this program keeps them.
extern const halconv_rt_backend *const kBackends[];
const halconv_rt_backend *const kBackends[] = {&halconv_rt_cuda, &halconv_rt_opencl};

struct LoadedKernels::State {
    void *library = nullptr;
    const halconv_kernel_set *set = nullptr;
    ~State() {
        if (library) {
            dlclose(library);
        }
    }
};

LoadedKernels::LoadedKernels() : state_(std::make_unique<State>()) { keep_assert_hooks(); }

LoadedKernels::LoadedKernels(const std::vector<Layer> &layers, const BuildOptions &options) : LoadedKernels() {
    ScratchFolder folder(fs::temp_directory_path());
    fs::path shared = folder.path() / "kernels.so";
    build_shared(layers, options, shared);
    load(shared);
}

void LoadedKernels::load(const fs::path &shared) {
    state_->library = dlopen(shared.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!state_->library) {
        throw WorkError(std::string("loading kernels: ") + dlerror());
    }
    using Function = const halconv_kernel_set *(*)();
    auto function = reinterpret_cast<Function>(dlsym(state_->library, "loaded_kernels"));
    if (!function) {
        throw WorkError(std::string("loading kernels: ") + dlerror());
    }
    state_->set = function();
}

LoadedKernels::~LoadedKernels() = default;

const halconv_kernel_set *LoadedKernels::set() const { return state_->set; }

}  // namespace halconv
