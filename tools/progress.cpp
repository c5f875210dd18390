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

}  // namespace

TerminalSize terminal_size() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    return known ? TerminalSize{size.ws_row, size.ws_col} : TerminalSize{24, 80};
}

std::string bar_text(const std::string &label, int done, int total, const std::string &item) {
    const int filled = total > 0 ? kBarWidth * std::clamp(done, 0, total) / total : 0;
    return fmt::format("{} [{:<{}}] {}/{} {}", label, std::string(size_t(filled), '#'), kBarWidth, done, total, item);
}

std::string redrawn(size_t drawn, const std::vector<std::string> &lines, const TerminalSize &size) {
    std::string text = drawn > 1 ? fmt::format("\r\033[{}A", drawn - 1) : "\r";
    const size_t first = lines.size() - std::min(lines.size(), size.rows);
    for (size_t i = first; i < lines.size(); i++) {
        // A character in the last column would wrap on some terminals.
        text += (i > first ? "\n" : "") + lines[i].substr(0, size.columns - 1) + "\033[K";
    }
    return text + "\033[J";
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), last_line_(std::chrono::steady_clock::now()) {}

void ProgressBar::update(int done, int total, const std::string &item, const std::vector<std::string> &above) {
    if (terminal_) {
        std::vector<std::string> lines = above;
        lines.push_back(bar_text(label_, done, total, item));
        const TerminalSize size = terminal_size();
        fmt::print(stderr, "{}", redrawn(drawn_, lines, size));
        std::fflush(stderr);
        drawn_ = std::min(lines.size(), size.rows);
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - last_line_ >= kLineInterval) {
        fmt::print(stderr, "{}: {} of {}, {}\n", label_, done, total, item);
        last_line_ = now;
    }
}

void ProgressBar::clear() {
    if (drawn_ > 0) {
        fmt::print(stderr, "{}", redrawn(drawn_, {}, terminal_size()));
        std::fflush(stderr);
        drawn_ = 0;
    }
}

}  // namespace halconv
