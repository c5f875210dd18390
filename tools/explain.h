// `halconv explain`: the arithmetic of a layer, and which kernels could run it.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace halconv {

struct ExplainOptions {
    std::string layer;  // names exactly one layer
    std::string target = "host";
    bool json = false;
};

// Returns the exit status. Throws InputError and WorkError.
int explain_layer(const ExplainOptions &options);

void add_explain_command(CLI::App &program, int &status);

}  // namespace halconv
