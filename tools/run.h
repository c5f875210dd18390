// `halconv run`: one layer on NumPy files.
#pragma once

#include <string>

#include "halconv/halconv.h"

namespace CLI {
class App;
}

namespace halconv {

struct RunOptions {
    std::string layer;                  // names exactly one layer
    std::string input, bias, residual;  // .npy files; bias and residual may be empty
    std::string weights;                // may be empty for a node of an ONNX model that holds the weights
    std::string output;                 // the .npy file to write
    std::string target;                 // empty: the built-in set
    std::string kernel;                 // pattern of the kernel's name; empty: any
    std::string weights_layout;         // "oihw", ..; empty: oihw for conv, iohw for conv_transpose
    int threads = 1;
    bool json = false;
};

// Returns the exit status. Throws InputError and WorkError.
int run_layer(const RunOptions &options);

void add_run_command(CLI::App &program, int &status);

}  // namespace halconv
