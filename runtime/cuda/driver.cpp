#include "runtime/cuda/driver.h"

#include <pthread.h>

#include "runtime/driver_library.h"

namespace halconv {

namespace {

CudaDriver driver;
bool usable = false;
pthread_once_t once = PTHREAD_ONCE_INIT;

void open_driver() {
    DriverLibrary library("libcuda.so.1");
    library.find("cuInit", driver.init);
    library.find("cuCtxGetCurrent", driver.current_context);
    library.find("cuCtxPushCurrent_v2", driver.push_context);
    library.find("cuCtxPopCurrent_v2", driver.pop_context);
    library.find("cuCtxGetDevice", driver.context_device);
    library.find("cuDeviceGetAttribute", driver.device_attribute);
    library.find("cuModuleLoadData", driver.load_module);
    library.find("cuModuleUnload", driver.unload_module);
    library.find("cuModuleGetFunction", driver.find_function);
    library.find("cuFuncGetAttribute", driver.function_attribute);
    library.find("cuFuncSetAttribute", driver.set_function_attribute);
    library.find("cuLaunchKernel", driver.launch);
    usable = library.complete();
}

}  // namespace

const CudaDriver *cuda_driver() {
    pthread_once(&once, open_driver);
    return usable ? &driver : nullptr;
}

}  // namespace halconv
