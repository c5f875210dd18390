# The installed tree: bin/halconv, the runtime and the built-in kernels as static libraries, the public header, a CMake
# package and a pkg-config file. A cross-built tree has no program: its package finds the compiling machine's. It can be moved: libHalide lies in it, and every path in it is relative.
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/halconv)
set(private ${CMAKE_INSTALL_LIBDIR}/halconv)
file(RELATIVE_PATH private_from_bin /${CMAKE_INSTALL_BINDIR} /${private})
file(RELATIVE_PATH HALCONV_PREFIX_FROM_PKGCONFIG /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)

install(TARGETS halconv_runtime EXPORT halconvTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(NOT CMAKE_CROSSCOMPILING)
    set_target_properties(halconv PROPERTIES INSTALL_RPATH "$ORIGIN/${private_from_bin}")
    install(TARGETS halconv EXPORT halconvTargets)
    install(IMPORTED_RUNTIME_ARTIFACTS Halide::Halide LIBRARY DESTINATION ${private})
endif()
install(FILES $<TARGET_FILE:halconv_builtin> DESTINATION ${CMAKE_INSTALL_LIBDIR})
# kernel_table.h is for `halconv build`, which compiles a table.
install(FILES runtime/include/halconv/halconv.h runtime/core/kernel_table.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/halconv)
install(DIRECTORY schedules/tuned DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/halconv)
install(EXPORT halconvTargets NAMESPACE halconv:: DESTINATION ${package})
configure_package_config_file(cmake/halconvConfig.cmake.in halconvConfig.cmake INSTALL_DESTINATION ${package}
                              PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(halconvConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/halconvConfig.cmake ${PROJECT_BINARY_DIR}/halconvConfigVersion.cmake
              cmake/halconvAddKernels.cmake DESTINATION ${package})
configure_file(cmake/halconv.pc.in halconv.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/halconv.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
