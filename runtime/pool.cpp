#include "runtime/pool.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>

#include "runtime/cpu_features.h"

namespace halconv {

namespace {

// Loops of a layer follow each other within microseconds, and waking a sleeping thread takes about 50 of them: wait
// about as long before sleeping (a pause takes 20 to 140 cycles, by processor).
constexpr int kSpins = 1000;

bool take(sem_t *semaphore) { return sem_trywait(semaphore) == 0; }

void wait(sem_t *semaphore) {
    for (int i = 0; i < kSpins; ++i) {
        if (take(semaphore)) {
            return;
        }
        spin_pause();
    }
    while (sem_wait(semaphore) != 0 && errno == EINTR) {
    }
}

}  // namespace

Pool::Pool(int32_t threads, Worker *workers) : threads_(threads), workers_(workers) {
    sem_init(&tokens_, 0, 0);
    sem_init(&finished_, 0, 0);
}

Pool *Pool::create(int32_t threads) {
    void *memory = std::malloc(sizeof(Pool));
    auto *workers = static_cast<Worker *>(std::calloc(static_cast<size_t>(threads), sizeof(Worker)));
    if (!memory || !workers) {
        std::free(memory);
        std::free(workers);
        return nullptr;
    }
    Pool *pool = new (memory) Pool(threads, workers);
    if (!pool->start()) {
        destroy(pool);
        return nullptr;
    }
    return pool;
}

void Pool::destroy(Pool *pool) {
    if (!pool) {
        return;
    }
    pool->stop();
    sem_destroy(&pool->tokens_);
    sem_destroy(&pool->finished_);
    std::free(pool->workers_);
    pool->~Pool();
    std::free(pool);
}

// The application's signal handlers must not run on these threads.
bool Pool::start() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; started_ < threads_; ++started_) {
        Worker &worker = workers_[started_];
        worker.pool = this;
        worker.index = started_;
        if (pthread_create(&worker.thread, nullptr, thread_main, &worker) != 0) {
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started_ == threads_;
}

void Pool::stop() {
    stopping_.store(true, std::memory_order_relaxed);  // the tokens order it
    for (int32_t i = 1; i < started_; ++i) {
        sem_post(&tokens_);
    }
    for (int32_t i = 1; i < started_; ++i) {
        pthread_join(workers_[i].thread, nullptr);
    }
}

void *Pool::thread_main(void *worker) {
    auto *self = static_cast<Worker *>(worker);
    self->pool->serve(self->index);
    return nullptr;
}

void Pool::serve(int32_t index) {
    for (;;) {
        wait(&tokens_);
        if (stopping_.load(std::memory_order_relaxed)) {
            return;
        }
        work_(argument_, index);
        if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            sem_post(&finished_);
        }
    }
}

bool Pool::run(Work work, void *argument) {
    if (busy_.exchange(true, std::memory_order_acquire)) {
        return false;
    }
    work_ = work;
    argument_ = argument;
    pending_.store(threads_ - 1, std::memory_order_relaxed);
    for (int32_t i = 1; i < threads_; ++i) {
        sem_post(&tokens_);
    }
    work(argument, 0);
    // Invitations that nobody has followed yet are taken back, so that a sleeping thread holds nobody up.
    int32_t left = 0;
    while (take(&tokens_)) {
        ++left;
    }
    // With none taken back some worker takes pending_ to 0 and posts, perhaps already; else this thread does, unless
    // some worker is still busy.
    if (left == 0 || pending_.fetch_sub(left, std::memory_order_acq_rel) != left) {
        wait(&finished_);
    }
    busy_.store(false, std::memory_order_release);
    return true;
}

}  // namespace halconv
