# Halide 21 or later: the PyPI wheel (Halide_ROOT = its halide folder) or any other install.
# The version is not given to find_package, because Halide's version file refuses another major version;
# the suffix is where the wheel has its package, a folder that CMake does not search on Debian.
# Its Python bindings are of no use here.
set(CMAKE_DISABLE_FIND_PACKAGE_Halide_Python ON)
find_package(Halide REQUIRED COMPONENTS Halide PATH_SUFFIXES lib64/cmake/Halide)
if(Halide_VERSION VERSION_LESS 21)
    message(FATAL_ERROR "halconv needs Halide 21 or later, found ${Halide_VERSION} in ${Halide_DIR}")
endif()
message(STATUS "Halide ${Halide_VERSION}: ${Halide_DIR}")

# Halide.h takes 1.9 s to parse and 0.35 s to load precompiled (g++ 12): one precompiled header serves all targets.
file(WRITE ${PROJECT_BINARY_DIR}/halide_header.cpp "// Carries the precompiled Halide.h.\n")
add_library(halconv_halide_header OBJECT ${PROJECT_BINARY_DIR}/halide_header.cpp)
target_link_libraries(halconv_halide_header PRIVATE Halide::Halide)
target_precompile_headers(halconv_halide_header PRIVATE <Halide.h>)

# halconv_use_halide(TARGET): links Halide (public) and takes Halide.h from the precompiled header.
function(halconv_use_halide target)
    target_link_libraries(${target} PUBLIC Halide::Halide)
    target_precompile_headers(${target} REUSE_FROM halconv_halide_header)
endfunction()
