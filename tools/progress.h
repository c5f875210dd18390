// Progress of long work on stderr: a bar where stderr is a terminal, with lines above it if there are any, else a line every
// ten seconds.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace halconv {

struct TerminalSize {
    size_t rows, columns;
};

// Of stderr's terminal; 24 x 80 where that is not known.
TerminalSize terminal_size();

// "building [####    ] 3/9 item".
std::string bar_text(const std::string &label, int done, int total, const std::string &item);

// What takes the place of `drawn` lines, on the last of which the cursor is: `lines`, each cut to the terminal's width, and
// the last ones where the terminal has fewer rows. The cursor ends behind the last line.
std::string redrawn(size_t drawn, const std::vector<std::string> &lines, const TerminalSize &size);

class ProgressBar {
  public:
    // `label` says what goes on: "building".
    explicit ProgressBar(std::string label);
    ~ProgressBar() { clear(); }
    ProgressBar(const ProgressBar &) = delete;
    ProgressBar &operator=(const ProgressBar &) = delete;

    // `done` of `total` steps are complete; `item` is the one in work or just done. `above` is for a terminal.
    void update(int done, int total, const std::string &item, const std::vector<std::string> &above = {});

    // Takes the bar off the terminal so that other text can be printed; the next update draws it again.
    void clear();

  private:
    std::string label_;
    bool terminal_;
    size_t drawn_ = 0;  // lines
    std::chrono::steady_clock::time_point last_line_;
};

}  // namespace halconv
