// A forked process that does one thing: its status is 1 where that throws.
#pragma once

#include <unistd.h>

#include <exception>

namespace halconv {

template <class Work> pid_t start_child(Work work) {
    const pid_t child = fork();
    if (child == 0) {
        try {
            work();
        } catch (const std::exception &) {
            _exit(1);
        }
        _exit(0);
    }
    return child;
}

}  // namespace halconv
