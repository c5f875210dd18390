// Threads of one plan. A loop takes no lock: workers sleep on a semaphore, share work through the caller's own
// counter, and a second loop at the same time is refused.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cstdint>

namespace halconv {

class Pool {
  public:
    using Work = void (*)(void *argument, int32_t worker);

    // A pool of `threads` workers, of which the caller of run() is worker 0; at least 2. Null if memory or threads
    // are short.
    static Pool *create(int32_t threads);
    // Ends the threads. The pool must not be running.
    static void destroy(Pool *pool);

    // Calls work(argument, w) on this thread with w = 0 and at the same time on some of the others, each at most once
    // at a time and possibly never or twice, w in [1, threads); returns when all calls have returned. False, and
    // nothing was called, while another thread is inside run().
    bool run(Work work, void *argument);

  private:
    struct Worker {
        Pool *pool;
        int32_t index;
        pthread_t thread;
    };

    Pool(int32_t threads, Worker *workers);
    bool start();
    void stop();
    void serve(int32_t index);
    static void *thread_main(void *worker);

    int32_t threads_;
    Worker *workers_;  // of [1, threads); [0] is unused
    int32_t started_ = 1;
    sem_t tokens_;                     // one for each worker that is invited to the loop
    sem_t finished_;                   // posted by the worker that takes pending_ to 0
    std::atomic<int32_t> pending_{0};  // tokens that were not yet taken back or worked off
    std::atomic<bool> busy_{false}, stopping_{false};
    Work work_ = nullptr;  // written before tokens are posted
    void *argument_ = nullptr;
};

}  // namespace halconv
