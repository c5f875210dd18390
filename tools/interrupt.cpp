#include "tools/interrupt.h"

#include <csignal>

namespace halconv {

namespace {
volatile std::sig_atomic_t was_interrupted = 0;
}

InterruptGuard::InterruptGuard() : previous_(std::signal(SIGINT, [](int) { was_interrupted = 1; })) {}
InterruptGuard::~InterruptGuard() { std::signal(SIGINT, previous_); }

bool interrupted() { return was_interrupted != 0; }

}  // namespace halconv
