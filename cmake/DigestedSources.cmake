# Sets `processors` to the files that decide what a kernel's object holds, given the whole schedule, and `devices` to those that
# do so for graphics processors alone. The analytic models only choose schedules.
function(halconv_digested_sources processors devices)
    get_filename_component(root ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/.. ABSOLUTE)
    set(again CONFIGURE_DEPENDS)
    if(CMAKE_SCRIPT_MODE_FILE)
        set(again "")
    endif()
    file(GLOB of_all ${again} ${root}/generators/*.h ${root}/generators/*.cpp ${root}/schedules/*.h
         ${root}/schedules/*.cpp ${root}/runtime/core/*.h ${root}/runtime/core/winograd.cpp ${root}/tools/cache.cpp)
    file(GLOB of_devices ${again} ${root}/schedules/gpu/*.h ${root}/schedules/gpu/*.cpp ${root}/tools/fatbin.cpp)
    foreach(list of_all of_devices)
        list(FILTER ${list} EXCLUDE REGEX "/model[^/]*$")
        list(SORT ${list})
    endforeach()
    set(${processors} ${of_all} PARENT_SCOPE)
    set(${devices} ${of_devices} PARENT_SCOPE)
endfunction()
