// What `halconv bench` prints: JSON Lines, or the machine in a line and a Markdown table.
#pragma once

#include <string>

#include "tools/machine.h"

namespace halconv {

struct BenchLine {
    std::string name;  // the layer's
    const char *op;    // "conv", "conv_transpose"
    std::string kernel;
    double time_us, gflops, percent_of_peak, percent_of_roofline, max_error, spread;
    double default_time_us = 0;  // of the default schedule, where a tuning record replaced it; else 0 and not printed
};

// {"machine": {..}}: fma_peak in GFLOP/s of one core or of a graphics processor, read_gbs with a row for each level of the memory
// hierarchy.
std::string machine_json(const Machine &machine, const std::string &target);
std::string line_json(const BenchLine &line);

std::string machine_text(const Machine &machine, const std::string &target);

// Widths of the two columns of text; the others are as wide as their figures can be.
struct TableWidths {
    size_t layer, kernel;
};
std::string table_head(const TableWidths &widths);
std::string table_row(const BenchLine &line, const TableWidths &widths);

}  // namespace halconv
