// `halconv build`: layers to a static library of kernels.
#pragma once

namespace CLI {
class App;
}

namespace halconv {

void add_build_command(CLI::App &program, int &status);

}  // namespace halconv
