// Progress of long work on stderr: a bar where stderr is a terminal, else a line every ten seconds.
#pragma once

#include <chrono>
#include <string>

namespace halconv {

class ProgressBar {
  public:
    // `label` says what goes on: "building".
    explicit ProgressBar(std::string label);
    ~ProgressBar() { clear(); }
    ProgressBar(const ProgressBar &) = delete;
    ProgressBar &operator=(const ProgressBar &) = delete;

    // `done` of `total` steps are complete; `item` is the one in work or just done.
    void update(int done, int total, const std::string &item);

    // Takes the bar off the terminal so that other text can be printed; the next update draws it again.
    void clear();

  private:
    std::string label_;
    bool terminal_, drawn_ = false;
    std::chrono::steady_clock::time_point last_line_;
};

}  // namespace halconv
