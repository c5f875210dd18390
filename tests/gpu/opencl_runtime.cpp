// opencl_runtime OBJECT: writes Halide's runtime for OpenCL on this machine, which the tests link.
#include <cstdio>

#include "Halide.h"

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: opencl_runtime OBJECT\n");
        return 2;
    }
    Halide::compile_standalone_runtime(argv[1], Halide::get_host_target().with_feature(Halide::Target::OpenCL));
    return 0;
}
