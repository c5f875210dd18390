# Sets `variable` to the files that decide what a kernel's object holds, given the whole schedule. The analytic model only
# chooses schedules.
function(halconv_digested_sources variable)
    get_filename_component(root ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/.. ABSOLUTE)
    set(again CONFIGURE_DEPENDS)
    if(CMAKE_SCRIPT_MODE_FILE)
        set(again "")
    endif()
    file(GLOB sources ${again} ${root}/generators/*.h ${root}/generators/*.cpp ${root}/schedules/*.h
         ${root}/schedules/*.cpp ${root}/schedules/gpu/*.h ${root}/schedules/gpu/*.cpp ${root}/runtime/core/*.h
         ${root}/runtime/core/winograd.cpp ${root}/tools/cache.cpp ${root}/tools/fatbin.cpp)
    list(FILTER sources EXCLUDE REGEX "/schedules/model[^/]*$")
    list(SORT sources)
    set(${variable} ${sources} PARENT_SCOPE)
endfunction()
