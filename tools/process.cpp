#include "tools/process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "tools/layer.h"
#include "tools/pipe.h"

extern char **environ;

namespace halconv {

namespace {

std::string read_all(int file) {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(file, buffer, sizeof buffer)) != 0;) {
        if (n > 0) {
            text.append(buffer, size_t(n));
        } else if (errno != EINTR) {
            break;
        }
    }
    return text;
}

std::string first_line(const std::string &text) { return text.substr(0, text.find('\n')); }

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace

ProgramText run_program_for_all(const std::vector<std::string> &arguments) {
    std::vector<char *> argv;
    for (const std::string &a : arguments) {
        argv.push_back(const_cast<char *>(a.c_str()));
    }
    argv.push_back(nullptr);
    Pipe out;
    FILE *errors = std::tmpfile();
    if (!errors) {
        throw WorkError(std::string("temporary file: ") + std::strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(errors), STDERR_FILENO);
    pid_t child = 0;
    int error = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    out.close_write();
    std::string text = error == 0 ? read_all(out.read) : "";
    int status = error == 0 ? wait_for(child) : 0;
    std::rewind(errors);
    std::string messages = read_all(fileno(errors));
    std::fclose(errors);
    if (error != 0) {
        throw WorkError(arguments[0] + ": " + std::strerror(error));
    }
    if (status != 0) {
        throw WorkError(arguments[0] + " failed: " + first_line(messages));
    }
    return {text, messages};
}

std::string run_program(const std::vector<std::string> &arguments) { return run_program_for_all(arguments).output; }

void fork_each(int count, int jobs, const std::function<void(int)> &work, const std::function<void(int)> &done) {
    struct Child {
        int index;
        std::unique_ptr<Pipe> pipe;
    };
    std::map<pid_t, Child> running;
    std::string failure;
    int next = 0;
    while (next < count || !running.empty()) {
        while (next < count && int(running.size()) < jobs && failure.empty()) {
            auto pipe = std::make_unique<Pipe>();
            pid_t pid = fork();
            if (pid < 0) {
                throw WorkError(std::string("fork: ") + std::strerror(errno));
            }
            if (pid == 0) {
                std::string text;
                try {
                    work(next);
                } catch (const std::exception &e) {
                    text = e.what();
                }
                bool reported = text.empty() || write(pipe->write, text.data(), text.size()) > 0;
                _exit(text.empty() && reported ? 0 : 1);
            }
            pipe->close_write();
            running[pid] = {next++, std::move(pipe)};
        }
        if (running.empty()) {
            break;
        }
        int status = 0;
        pid_t pid = wait(&status);
        auto child = running.find(pid);
        if (child == running.end()) {
            continue;
        }
        if (status == 0) {
            done(child->second.index);
        } else if (failure.empty()) {
            std::string text = read_all(child->second.pipe->read);
            failure = text.empty() ? "a compiler process ended by signal " + std::to_string(WTERMSIG(status)) : text;
        }
        running.erase(child);
    }
    if (!failure.empty()) {
        throw WorkError(failure);
    }
}

}  // namespace halconv
