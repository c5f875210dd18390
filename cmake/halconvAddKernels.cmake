# halconv_add_kernels(NAME LAYERS list.. | MODEL model.onnx.. [TARGETS target..])
#
# Makes the library target NAME from the kernels of the layers, for the named targets (default: host). Linking it brings
# NAME.h (`const halconv_kernel_set *NAME_kernels(void)`) and halconv::runtime. LAYERS takes what `halconv build` takes:
# list.jsonl, list.jsonl#layer, layer.json. A project that is cross-compiled names its targets. The kernels are built again when one of these files or halconv changed.
function(halconv_add_kernels name)
    cmake_parse_arguments(PARSE_ARGV 1 kernels "" "" "LAYERS;MODEL;TARGETS")
    if(kernels_UNPARSED_ARGUMENTS OR NOT (kernels_LAYERS OR kernels_MODEL))
        message(FATAL_ERROR "halconv_add_kernels(${name}): expected LAYERS file.. or MODEL file.., and TARGETS target..")
    endif()
    if(NOT kernels_TARGETS)
        set(kernels_TARGETS host)
    endif()

    set(layers "")
    set(files "")
    foreach(layer IN LISTS kernels_LAYERS kernels_MODEL)
        cmake_path(ABSOLUTE_PATH layer BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
        list(APPEND layers ${layer})
        string(REGEX REPLACE "#[^/]*$" "" file ${layer})
        list(APPEND files ${file})
    endforeach()
    list(TRANSFORM kernels_TARGETS PREPEND "--target=")

    set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name})
    set(library ${folder}/lib${name}.a)
    file(MAKE_DIRECTORY ${folder})
    set(compiler "")
    if(CMAKE_CROSSCOMPILING)
        set(compiler ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER})
    endif()
    add_custom_command(OUTPUT ${library} ${folder}/${name}.h ${folder}/${name}.json
                       COMMAND ${compiler} $<TARGET_FILE:halconv::halconv> build ${layers} ${kernels_TARGETS} -o ${folder} --name ${name}
                       DEPENDS ${files} $<TARGET_FILE:halconv::halconv>
                       COMMENT "Compiling the kernels of ${name}" VERBATIM)
    add_custom_target(${name}_library DEPENDS ${library})
    add_library(${name} STATIC IMPORTED GLOBAL)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${library}
                                             INTERFACE_INCLUDE_DIRECTORIES ${folder}
                                             INTERFACE_LINK_LIBRARIES halconv::runtime)
    add_dependencies(${name} ${name}_library)
endfunction()
