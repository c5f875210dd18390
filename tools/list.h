// `halconv list`: what there is to build for, and what comes built in.
#pragma once

namespace CLI {
class App;
}

namespace halconv {

void add_list_command(CLI::App &program, int &status);

}  // namespace halconv
