// Ctrl-C as a question that loops ask.
#pragma once

namespace halconv {

// While one of these lives, ctrl-C does not end the process: it makes interrupted() true.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard &) = delete;
    InterruptGuard &operator=(const InterruptGuard &) = delete;

  private:
    void (*previous_)(int);
};

bool interrupted();

}  // namespace halconv
