# cmake -DSOURCE_DIR=.. -DOUTPUT=header.h -P: a digest of everything that decides what a kernel's object holds. It is
# part of each cached object's name, so that objects of older sources are not taken for new ones.
file(GLOB sources RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/generators/*.h ${SOURCE_DIR}/generators/*.cpp
     ${SOURCE_DIR}/schedules/*.h ${SOURCE_DIR}/schedules/*.cpp ${SOURCE_DIR}/runtime/core/conv_shape.h
     ${SOURCE_DIR}/runtime/core/kernel_table.h ${SOURCE_DIR}/tools/cache.cpp)
list(SORT sources)
set(digests "")
foreach(source ${sources})
    file(SHA256 ${SOURCE_DIR}/${source} digest)
    string(APPEND digests "${source} ${digest}\n")
endforeach()
string(SHA256 digest "${digests}")
string(SUBSTRING ${digest} 0 32 digest)
file(WRITE ${OUTPUT} "// Generated from the sources.\n#pragma once\nconstexpr const char *kSourceDigest = \"${digest}\";\n")
