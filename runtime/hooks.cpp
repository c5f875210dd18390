// What kernels call in place of Halide's runtime. A null context is a kernel called without a plan: memory of the C
// library, loops in order.
#include <atomic>
#include <cstdlib>

#include "runtime/core/context.h"
#include "runtime/core/kernel_table.h"
#include "runtime/pool.h"

namespace halconv {

struct alignas(kAlignment) Arena::Header {
    uint64_t before;  // the previous block's header
    uint64_t top;     // the top before this block
    bool released;
};

Arena::Header *Arena::header(uint64_t offset) const { return reinterpret_cast<Header *>(memory_ + offset); }

void *Arena::allocate(uint64_t bytes) {
    if (bytes > bytes_ || align_up(bytes) + sizeof(Header) > bytes_ - top_) {
        return nullptr;
    }
    Header *block = header(top_);
    *block = {last_, top_, false};
    last_ = top_;
    top_ += sizeof(Header) + align_up(bytes);
    return block + 1;
}

void Arena::release(void *block) {
    (static_cast<Header *>(block) - 1)->released = true;
    while (last_ != kNone && header(last_)->released) {
        top_ = header(last_)->top;
        last_ = header(last_)->before;
    }
}

namespace {

using Task = int (*)(void *, int, uint8_t *);

// A parallel loop of a kernel: task(context, min + i, closure) for i in [0, size).
struct Loop {
    const Workers *workers;
    Task task;
    int min, size;
    uint8_t *closure;
    std::atomic<int64_t> next{0};
    std::atomic<int> error{0};  // the first result that was not 0

    halconv_rt_context worker_context(int32_t worker) const {
        uint64_t bytes = workers->slice_bytes;
        return {Arena(workers->slices + static_cast<uint64_t>(worker) * bytes, bytes), nullptr};
    }

    void run_task(int32_t worker, int i) {
        halconv_rt_context context = worker_context(worker);
        int result = task(&context, min + i, closure);
        int none = 0;
        if (result != 0) {
            error.compare_exchange_strong(none, result);
        }
    }

    bool failed() const { return error.load(std::memory_order_relaxed) != 0; }
};

// A worker's share: whatever the others have not begun.
void run_share(void *argument, int32_t worker) {
    Loop &loop = *static_cast<Loop *>(argument);
    for (int64_t i = loop.next++; i < loop.size && !loop.failed(); i = loop.next++) {
        loop.run_task(worker, static_cast<int>(i));
    }
}

// The task for the caller's parallel-for.
void run_one(void *argument, int32_t worker, int32_t i) {
    Loop &loop = *static_cast<Loop *>(argument);
    int none = 0;
    if (worker < 0 || worker >= loop.workers->threads || i < 0 || i >= loop.size) {
        loop.error.compare_exchange_strong(none, -1);
    } else if (!loop.failed()) {
        loop.run_task(worker, i);
    }
}

int run_in_order(halconv_rt_context *context, Task task, int min, int size, uint8_t *closure) {
    int result = 0;
    for (int i = 0; i < size && result == 0; ++i) {
        result = task(context, min + i, closure);
    }
    return result;
}

}  // namespace

}  // namespace halconv

using namespace halconv;

extern "C" {

HALCONV_API void *halconv_rt_malloc(void *user_context, size_t bytes) {
    if (!user_context) {
        return bytes < SIZE_MAX - kAlignment ? std::aligned_alloc(kAlignment, align_up(bytes)) : nullptr;
    }
    return static_cast<halconv_rt_context *>(user_context)->arena.allocate(bytes);
}

HALCONV_API void halconv_rt_free(void *user_context, void *memory) {
    if (!user_context) {
        std::free(memory);
    } else if (memory) {
        static_cast<halconv_rt_context *>(user_context)->arena.release(memory);
    }
}

HALCONV_API int halconv_rt_do_par_for(void *user_context, int (*task)(void *, int, uint8_t *), int min, int size,
                                      uint8_t *closure) {
    auto *context = static_cast<halconv_rt_context *>(user_context);
    if (!context || !context->workers) {
        return run_in_order(context, task, min, size, closure);
    }
    const Workers &workers = *context->workers;
    Loop loop{&workers, task, min, size, closure};
    bool several = workers.threads > 1 && size > 1;
    if (several && workers.parallel_for) {
        workers.parallel_for(workers.caller_pool, size, run_one, &loop);
    } else if (!(several && workers.pool && workers.pool->run(run_share, &loop))) {
        run_share(&loop, 0);
    }
    return loop.error.load();
}

HALCONV_API int halconv_rt_error(void *) { return -1; }
}
