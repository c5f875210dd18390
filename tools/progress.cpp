#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace halconv {

namespace {

constexpr std::chrono::seconds kLineInterval{10};
constexpr int kBarWidth = 24;

size_t terminal_columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), last_line_(std::chrono::steady_clock::now()) {}

void ProgressBar::update(int done, int total, const std::string &item) {
    if (terminal_) {
        const int filled = total > 0 ? kBarWidth * done / total : 0;
        std::string line =
            fmt::format("{} [{:<{}}] {}/{} {}", label_, std::string(size_t(filled), '#'), kBarWidth, done, total, item);
        line.resize(std::min(line.size(), terminal_columns() - 1));
        fmt::print(stderr, "\r{}\033[K", line);
        std::fflush(stderr);
        drawn_ = true;
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - last_line_ >= kLineInterval) {
        fmt::print(stderr, "{}: {} of {}, {}\n", label_, done, total, item);
        last_line_ = now;
    }
}

void ProgressBar::clear() {
    if (drawn_) {
        fmt::print(stderr, "\r\033[K");
        std::fflush(stderr);
        drawn_ = false;
    }
}

}  // namespace halconv
