# From keys to libraries of kernels, the bootstrap program, and the built-in set.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
add_library(halconv_build STATIC assert_hooks.cpp build.cpp builtin.cpp cache.cpp compute_device_cuda.cpp
            compute_device_opencl.cpp cpu_name.cpp fatbin.cpp kernel_plan.cpp library.cpp
            loaded_kernels.cpp process.cpp record_json.cpp scratch_folder.cpp table.cpp toolchain.cpp
            tuning_record.cpp)
target_include_directories(halconv_build PUBLIC ${PROJECT_SOURCE_DIR} PRIVATE ${PROJECT_BINARY_DIR}/generated)
add_dependencies(halconv_build halconv_source_digest)
target_link_libraries(halconv_build PUBLIC halconv_layers halconv_schedules halconv_names halconv_runtime fmt::fmt
                      nlohmann_json::nlohmann_json xxhash ${CMAKE_DL_LIBS})
halconv_use_halide(halconv_build)
# Where the CUDA toolkit was when this was built: the last place where its assembler is looked for.
file(GLOB cuda_folders ${PROJECT_SOURCE_DIR}/build/venv/lib/python*/site-packages/nvidia/cu*/bin)
find_program(HALCONV_PTXAS ptxas HINTS ${cuda_folders} PATHS /usr/local/cuda/bin)
set(cuda_folder "")
if(HALCONV_PTXAS)
    cmake_path(GET HALCONV_PTXAS PARENT_PATH cuda_folder)
endif()
set_property(SOURCE fatbin.cpp APPEND PROPERTY COMPILE_DEFINITIONS HALCONV_CUDA_FOLDER="${cuda_folder}")
# g++ 12 warns of std::regex under the address sanitizer.
if(HALCONV_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    set_property(SOURCE fatbin.cpp APPEND PROPERTY COMPILE_OPTIONS -Wno-maybe-uninitialized)
endif()
# Kernels that a program loads find halconv_rt_* in the program itself.
target_link_options(halconv_build INTERFACE -rdynamic)

# A table is compiled against these two headers, in the build folder as in an installed tree: ../include of bin/.
foreach(header runtime/include/halconv/halconv.h runtime/core/kernel_table.h)
    get_filename_component(file ${header} NAME)
    configure_file(${PROJECT_SOURCE_DIR}/${header} ${PROJECT_BINARY_DIR}/include/halconv/${file} COPYONLY)
endforeach()

add_executable(halconv-builtin builtin_main.cpp)
target_link_libraries(halconv-builtin PRIVATE halconv_build CLI11::CLI11)

set(builtin_program halconv-builtin)
if(HALCONV_HOST_BUILD)  # tests that only link the set then need no compiler of kernels
    set(builtin_program ${HALCONV_HOST_BUILD}/bin/halconv-builtin)
endif()
set(builtin_folder ${PROJECT_BINARY_DIR}/builtin)
set(builtin_library ${builtin_folder}/libhalconv_builtin.a)
add_custom_command(
    OUTPUT ${builtin_library}
    COMMAND ${builtin_program} -o ${builtin_folder}
    DEPENDS ${builtin_program}
    COMMENT "Compiling the built-in kernels" USES_TERMINAL VERBATIM)
add_custom_target(halconv_builtin_build DEPENDS ${builtin_library})
add_library(halconv_builtin STATIC IMPORTED GLOBAL)
set_target_properties(halconv_builtin PROPERTIES IMPORTED_LOCATION ${builtin_library})
add_dependencies(halconv_builtin halconv_builtin_build)
target_link_libraries(halconv_builtin INTERFACE halconv_runtime m)
add_library(halconv::builtin ALIAS halconv_builtin)
