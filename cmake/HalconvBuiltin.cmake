# The built-in kernel set, halconv::builtin: compiled by halconv-builtin, which is the compiler part of `halconv` without
# the set that it makes. HALCONV_BUILTIN takes a library that another build tree made (preset `sanitize`: compiling
# the kernels with an instrumented compiler takes minutes and instruments no kernel).
set(HALCONV_BUILTIN "" CACHE FILEPATH "libhalconv_builtin.a of another build tree; empty: build it")

if(HALCONV_BUILTIN)
    set(HALCONV_BUILTIN_LIBRARY ${HALCONV_BUILTIN})
else()
    add_executable(halconv-builtin tools/builtin_main.cpp)
    target_link_libraries(halconv-builtin PRIVATE halconv_tool)
    set(HALCONV_BUILTIN_LIBRARY ${PROJECT_BINARY_DIR}/lib/libhalconv_builtin.a)
    add_custom_command(OUTPUT ${HALCONV_BUILTIN_LIBRARY}
                       COMMAND halconv-builtin -o ${PROJECT_BINARY_DIR}/lib
                       DEPENDS halconv-builtin
                       COMMENT "Compiling the built-in kernels" VERBATIM)
    add_custom_target(halconv_builtin_library DEPENDS ${HALCONV_BUILTIN_LIBRARY})
endif()
add_library(halconv::builtin STATIC IMPORTED GLOBAL)
set_target_properties(halconv::builtin PROPERTIES IMPORTED_LOCATION ${HALCONV_BUILTIN_LIBRARY}
                                                  INTERFACE_LINK_LIBRARIES halconv::runtime)
if(TARGET halconv_builtin_library)
    add_dependencies(halconv::builtin halconv_builtin_library)
endif()
