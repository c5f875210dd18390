#include "tests/device/stub_driver.h"

#include <cstring>
#include <map>

namespace {

using Result = int;

halconv_stub::Driver the_driver;
std::map<const void *, std::string> functions;

// Notes the call; the result that the driver is told to give.
Result call(const std::string &name, const std::string &detail = "") {
    the_driver.calls.push_back(detail.empty() ? name : name + " " + detail);
    return the_driver.failing == name ? the_driver.error : 0;
}

std::string current() {
    return the_driver.contexts.empty() ? "none" : "context " + std::to_string(the_driver.contexts.back());
}

}  // namespace

namespace halconv_stub {

Driver &driver() { return the_driver; }

Driver &reset() {
    the_driver = Driver();
    the_driver.contexts = {1};
    return the_driver;
}

}  // namespace halconv_stub

extern "C" {

Result cuInit(unsigned) { return call("cuInit"); }

Result cuCtxGetCurrent(void **context) {
    *context = the_driver.contexts.empty() ? nullptr : reinterpret_cast<void *>(the_driver.contexts.back());
    return call("cuCtxGetCurrent");
}

Result cuCtxPushCurrent_v2(void *context) {
    Result result = call("cuCtxPushCurrent");
    if (result == 0) {
        the_driver.contexts.push_back(reinterpret_cast<long>(context));
    }
    return result;
}

Result cuCtxPopCurrent_v2(void **context) {
    *context = reinterpret_cast<void *>(the_driver.contexts.back());
    the_driver.contexts.pop_back();
    return call("cuCtxPopCurrent");
}

Result cuCtxGetDevice(int *device) {
    *device = 0;
    return call("cuCtxGetDevice", current());
}

Result cuDeviceGetAttribute(int *value, int attribute, int) {
    constexpr int kMajor = 75;
    *value = attribute == kMajor ? the_driver.major : the_driver.minor;
    return call("cuDeviceGetAttribute");
}

Result cuModuleLoadData(void **module, const void *image) {
    Result result = call("cuModuleLoadData", current() + " " + static_cast<const char *>(image));
    the_driver.loaded += result == 0;
    *module = &the_driver;
    return result;
}

Result cuModuleUnload(void *) {
    the_driver.loaded--;
    return call("cuModuleUnload", current());
}

Result cuModuleGetFunction(void **function, void *, const char *name) {
    *function = const_cast<char *>(name);
    functions[name] = name;
    return call("cuModuleGetFunction", name);
}

Result cuFuncGetAttribute(int *value, int, void *) {
    *value = the_driver.threads_per_block;
    return call("cuFuncGetAttribute");
}

Result cuFuncSetAttribute(void *, int, int value) { return call("cuFuncSetAttribute", std::to_string(value)); }

Result cuLaunchKernel(void *function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, unsigned threads_x,
                      unsigned threads_y, unsigned threads_z, unsigned shared_bytes, void *stream, void **arguments,
                      void **) {
    halconv_stub::Launch launch{functions[function],
                                {blocks_x, blocks_y, blocks_z},
                                {threads_x, threads_y, threads_z},
                                shared_bytes,
                                stream,
                                std::vector<uint64_t>(the_driver.pointers),
                                0};
    for (size_t i = 0; i < the_driver.pointers; i++) {
        std::memcpy(&launch.pointers[i], arguments[i], sizeof(uint64_t));
    }
    if (the_driver.pointers > 0) {
        std::memcpy(&launch.scalar, arguments[the_driver.pointers], sizeof(launch.scalar));
    }
    the_driver.launches.push_back(launch);
    return call("cuLaunchKernel", launch.entry);
}
}
