# cmake -DOUTPUT=header.h -P: a digest of everything that decides what a kernel's object holds. It is part of each cached
# object's name, so that objects of older sources are not taken for new ones.
include(${CMAKE_CURRENT_LIST_DIR}/DigestedSources.cmake)
halconv_digested_sources(sources)
set(digests "")
foreach(source ${sources})
    file(SHA256 ${source} digest)
    get_filename_component(name ${source} NAME)
    string(APPEND digests "${name} ${digest}\n")
endforeach()
string(SHA256 digest "${digests}")
string(SUBSTRING ${digest} 0 32 digest)
file(WRITE ${OUTPUT} "// Generated from the sources.\n#pragma once\nconstexpr const char *kSourceDigest = \"${digest}\";\n")
