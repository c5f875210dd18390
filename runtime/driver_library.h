// A driver's shared library, opened when the first plan for its processors is created and never closed.
#pragma once

#include <dlfcn.h>

namespace halconv {

class DriverLibrary {
  public:
    explicit DriverLibrary(const char *name) : library_(dlopen(name, RTLD_NOW | RTLD_LOCAL)), complete_(library_) {}
    template <class Function> void find(const char *name, Function &function) {
        void *symbol = library_ ? dlsym(library_, name) : nullptr;
        complete_ = complete_ && symbol;
        function = reinterpret_cast<Function>(symbol);
    }
    bool complete() const { return complete_; }  // the library and all that was looked for is there

  private:
    void *library_;
    bool complete_;
};

}  // namespace halconv
