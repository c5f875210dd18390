// A driver that is none: a shared library with the names of libcuda.so.1 that notes what is called and fails where it is told to.
// It runs nothing and holds no values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halconv_stub {

struct Launch {
    std::string entry;
    unsigned blocks[3], threads[3], shared_bytes;
    const void *stream;
    std::vector<uint64_t> pointers;  // the first arguments, as many as Driver::pointers
    int32_t scalar;                  // the next, if there were pointers
};

struct Driver {
    std::vector<std::string> calls;  // since reset, names with what tells them apart: "cuModuleLoadData context 1"
    std::vector<Launch> launches;
    int loaded = 0;              // modules
    std::vector<long> contexts;  // that are current on the thread, the newest last
    std::string failing;         // the call of this name returns `error`
    int error = 0;
    int major = 9, minor = 0;
    int threads_per_block = 1024;
    size_t pointers = 6;  // that every launch has, before a scalar; 0: no argument is read
};

// Everything as it was at first, with context 1 as the current one.
Driver &reset();
Driver &driver();

}  // namespace halconv_stub
