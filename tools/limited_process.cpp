#include "tools/limited_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "tools/layer.h"
#include "tools/pipe.h"

extern char **environ;

namespace halconv {

namespace {

constexpr size_t kMostOutput = 64 * 1024;
constexpr int kPollMilliseconds = 20;

// Appends what there is to read.
void drain(int file, std::string &text) {
    char buffer[4096];
    for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, std::min(size_t(n), kMostOutput - text.size()));
    }
}

std::string failure_of(int status) {
    if (WIFSIGNALED(status)) {
        int signal = WTERMSIG(status);
        return fmt::format("ended by signal {} ({})", signal, strsignal(signal));
    }
    return WEXITSTATUS(status) == 0 ? "" : fmt::format("ended with status {}", WEXITSTATUS(status));
}

void limit_memory(pid_t process, int64_t bytes) {
    if (bytes > 0) {
        rlimit limit{rlim_t(bytes), rlim_t(bytes)};
        prlimit(process, RLIMIT_AS, &limit, nullptr);
    }
}

}  // namespace

ProcessEnd run_limited(const std::vector<std::string> &arguments, const ProcessLimits &limits, bool (*stop)()) {
    std::vector<char *> argv;
    for (const std::string &a : arguments) {
        argv.push_back(const_cast<char *>(a.c_str()));
    }
    argv.push_back(nullptr);
    Pipe out;
    fcntl(out.read, F_SETFL, O_NONBLOCK);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t child = 0;
    int error = posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw WorkError(arguments[0] + ": " + std::strerror(error));
    }
    limit_memory(child, limits.memory_bytes);
    out.close_write();

    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(limits.seconds);
    ProcessEnd result;
    int status = 0;
    bool ended = false;
    while (!ended && Clock::now() < end && !(stop && stop())) {
        pollfd readable{out.read, POLLIN, 0};
        if (poll(&readable, 1, kPollMilliseconds) > 0 && (readable.revents & POLLIN) == 0) {
            usleep(1000);  // its end of the pipe is closed: only the exit is left
        }
        drain(out.read, result.out);
        ended = waitpid(child, &status, WNOHANG) == child;
    }
    kill(-child, SIGKILL);
    if (!ended) {
        waitpid(child, &status, 0);
        result.timed_out = !(stop && stop());
        result.failure = result.timed_out ? fmt::format("killed after {} s", limits.seconds) : "interrupted";
        return result;
    }
    drain(out.read, result.out);
    result.failure = failure_of(status);
    return result;
}

ProcessEnd fork_limited(const std::function<std::string()> &work, int64_t memory_bytes) {
    Pipe out;
    pid_t child = fork();
    if (child < 0) {
        throw WorkError(std::string("fork: ") + std::strerror(errno));
    }
    if (child == 0) {
        setpgid(0, 0);
        end_with_parent();
        limit_memory(0, memory_bytes);
        std::string text;
        char status = 0;
        try {
            text = work();
        } catch (const std::exception &e) {
            status = 1, text = e.what();
        }
        text.resize(std::min(text.size(), kMostOutput - 1));
        bool written = write(out.write, text.data(), text.size()) == ssize_t(text.size());
        _exit(written ? status : 2);
    }
    out.close_write();
    fcntl(out.read, F_SETFL, O_NONBLOCK);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    kill(-child, SIGKILL);
    ProcessEnd result;
    drain(out.read, result.out);
    result.timed_out = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    result.failure = result.timed_out ? "took too long" : failure_of(status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
        result.failure = result.out.substr(0, result.out.find('\n'));
    }
    return result;
}

void end_with_parent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

void restart_limit(double seconds) {
    itimerval timer{};
    timer.it_value.tv_sec = time_t(seconds);
    timer.it_value.tv_usec = suseconds_t((seconds - double(time_t(seconds))) * 1e6);
    setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace halconv
