// The generated sources of a kernel library: table, header and report.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/kernel_plan.h"

namespace halconv {

// The C source of the table: defines `const halconv_kernel_set *FUNCTION(void)`.
std::string table_source(const std::vector<KernelJob> &jobs, const std::string &set_name, const std::string &function);

// NAME.h: declares NAME_kernels().
std::string table_header(const std::string &name);

// NAME.json: an array with one object a kernel. `objects` in the order of `jobs`.
std::string table_report(const std::vector<KernelJob> &jobs, const std::vector<std::filesystem::path> &objects);

// What a NAME.json says in all: "166 kernels, 4.8 MB of code".
std::string report_totals(const std::filesystem::path &report);

}  // namespace halconv
