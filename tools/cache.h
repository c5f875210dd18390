// Compiled objects by content: the same job, compiler and sources give the same file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/build.h"
#include "tools/fatbin.h"
#include "tools/kernel_plan.h"

namespace halconv {

// $HALCONV_CACHE, else halconv/ in the user's cache folder ($XDG_CACHE_HOME or ~/.cache), else in the temporary folder.
std::filesystem::path cache_folder();

// Objects of all jobs, compiled in parallel processes where the cache lacks them; in the order of `jobs`.
std::vector<std::filesystem::path> compile_all(const std::vector<KernelJob> &jobs, int processes,
                                               const Progress &progress);

// What the assembler said of an object of compile_all, for each chip that it has machine code for; none where it has none.
std::vector<ChipFigures> chip_figures(const std::filesystem::path &object);

}  // namespace halconv
