// A pipe to a child process.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tools/layer.h"

namespace halconv {

// Both ends, closed in the child when it executes a program. Throws WorkError.
struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) {
            throw WorkError(std::string("pipe: ") + std::strerror(errno));
        }
        read = ends[0], write = ends[1];
    }
    ~Pipe() {
        close_read();
        close_write();
    }
    Pipe(const Pipe &) = delete;
    Pipe &operator=(const Pipe &) = delete;
    void close_read() {
        if (read >= 0) {
            close(read);
        }
        read = -1;
    }
    void close_write() {
        if (write >= 0) {
            close(write);
        }
        write = -1;
    }
};

}  // namespace halconv
