// Parallel loops and scratch memory of running kernels: the plan's pool, the caller's pool, and the arena.
#include <atomic>
#include <set>
#include <thread>

#include "runtime/core/context.h"
#include "runtime/pool.h"
#include "tests/catch.h"
#include "tests/reference.h"
#include "tests/runtime_fake_kernels.h"

namespace halconv {

namespace {

// Counts the calls of each worker, and calls that overlap for one worker.
struct Shares {
    std::atomic<int> next{0}, done{0}, overlaps{0}, entered{0};
    std::atomic<bool> busy[8] = {};
    int tasks = 0;

    static void work(void *argument, int32_t worker) {
        auto &shares = *static_cast<Shares *>(argument);
        shares.overlaps += shares.busy[worker].exchange(true);
        shares.entered++;
        while (shares.next++ < shares.tasks) {
            shares.done++;
        }
        shares.busy[worker] = false;
    }
};

// A layer with its operands and packed weights.
struct Layer {
    halconv_problem problem = square_problem(HALCONV_CONV_TRANSPOSE, 9, 3, 5, 3, 2);
    KernelSet set{{fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 4)}};
    std::vector<float> x = integers(input_elements(problem), 1), w = integers(weight_elements(problem), 2);
    std::vector<float> expected;

    Layer() {
        std::vector<double> y;
        reference_run(problem, x.data(), w.data(), nullptr, nullptr, y);
        expected.assign(y.begin(), y.end());
    }

    halconv_status run(const halconv_plan *plan, std::vector<float> &y) const {
        AlignedMemory packed(halconv_plan_weights_bytes(plan)), workspace(halconv_plan_workspace_bytes(plan));
        halconv_plan_pack(plan, w.data(), HALCONV_WEIGHTS_IOHW, 0, nullptr, packed.get());
        y.assign(expected.size(), -1);
        return halconv_plan_run(plan, x.data(), packed.get(), nullptr, y.data(), workspace.get());
    }

    // -1 wrong results, else the status.
    int create_and_run(const halconv_options &options) const {
        halconv_plan *plan = nullptr;
        halconv_status status = halconv_plan_create(&set, &problem, &options, &plan);
        std::vector<float> y;
        status = status ? status : run(plan, y);
        halconv_plan_destroy(plan);
        return status ? int(status) : y == expected ? 0 : -1;
    }
};

// A parallel-for of the caller that remembers what it was asked for.
struct CallersLoop {
    std::set<int32_t> counts;
    int32_t workers = 1, first_worker = 0, extra = 0;

    static void run(void *pool, int32_t count, halconv_task task, void *argument) {
        auto &loop = *static_cast<CallersLoop *>(pool);
        loop.counts.insert(count);
        std::atomic<int32_t> next{0};
        std::vector<std::thread> threads;
        for (int32_t worker = 0; worker < loop.workers; worker++) {
            threads.emplace_back([&, worker] {
                for (int32_t i = next++; i < count + loop.extra; i = next++) {
                    task(argument, loop.first_worker + worker, i);
                }
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
    }
};

int fail_at_five(void *, int i, uint8_t *) { return i == 5 ? -55 : 0; }

}  // namespace

TEST_CASE("a pool does every task once and no worker twice at a time", "[runtime]") {
    for (int32_t threads : {2, 3, 8}) {
        Pool *pool = Pool::create(threads);
        REQUIRE(pool);
        for (int tasks : {0, 1, 7, 1000}) {
            for (int repeat = 0; repeat < 100; repeat++) {
                Shares shares;
                shares.tasks = tasks;
                REQUIRE(pool->run(Shares::work, &shares));
                REQUIRE(shares.done == tasks);
                REQUIRE(shares.overlaps == 0);
            }
        }
        Pool::destroy(pool);
    }
}

TEST_CASE("other threads of a pool take part", "[runtime]") {
    Pool *pool = Pool::create(2);
    REQUIRE(pool);
    // Worker 0 stays in its share until worker 1 has come.
    std::atomic<bool> came{false};
    auto wait_for_other = [](void *argument, int32_t worker) {
        auto &other = *static_cast<std::atomic<bool> *>(argument);
        other = other || worker == 1;
        while (!other) {
            std::this_thread::yield();
        }
    };
    CHECK(pool->run(wait_for_other, &came));
    Pool::destroy(pool);
}

TEST_CASE("a pool refuses a second loop at the same time", "[runtime]") {
    Pool *pool = Pool::create(2);
    REQUIRE(pool);
    struct Inner {
        Pool *pool;
        std::atomic<int> accepted{0};
    } inner{pool, {}};
    auto nested = [](void *argument, int32_t) {
        auto &in = *static_cast<Inner *>(argument);
        in.accepted += in.pool->run([](void *, int32_t) {}, nullptr);
    };
    CHECK(pool->run(nested, &inner));
    CHECK(inner.accepted == 0);
    CHECK(pool->run([](void *, int32_t) {}, nullptr));
    Pool::destroy(pool);
}

TEST_CASE("a plan gives the same result with any number of threads", "[runtime]") {
    Layer layer;
    for (int32_t threads : {0, 1, 2, 5}) {
        halconv_options options{};
        options.threads = threads;
        CHECK(layer.create_and_run(options) == HALCONV_OK);
    }
}

TEST_CASE("many threads run one plan with a pool", "[runtime]") {
    Layer layer;
    halconv_options options{};
    options.threads = 3;
    halconv_plan *plan = nullptr;
    REQUIRE(halconv_plan_create(&layer.set, &layer.problem, &options, &plan) == HALCONV_OK);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([&] {
            std::vector<float> y;
            for (int repeat = 0; repeat < 20; repeat++) {
                wrong += layer.run(plan, y) != HALCONV_OK || y != layer.expected;
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
    halconv_plan_destroy(plan);
}

TEST_CASE("the caller's parallel-for runs the tasks", "[runtime]") {
    Layer layer;
    CallersLoop loop;
    halconv_options options{};
    options.parallel_for = CallersLoop::run, options.pool = &loop;
    SECTION("on as many workers as the options say") {
        loop.workers = options.threads = 3;
        CHECK(layer.create_and_run(options) == HALCONV_OK);
        // 19 outputs, by phase 10 and 9: boxes of 2-D phases with 1 x 1 group, and 5 channels as the inner dimension
        CHECK(loop.counts == std::set<int32_t>{10 * 10, 10 * 9, 9 * 9});
    }
    SECTION("but not for one worker") {
        options.threads = 1;
        CHECK(layer.create_and_run(options) == HALCONV_OK);
        CHECK(loop.counts.empty());
    }
    SECTION("and an illegal worker or task becomes an error") {
        options.threads = 3;
        loop.first_worker = 3;
        CHECK(layer.create_and_run(options) == HALCONV_KERNEL_FAILED);
        loop.first_worker = -1;
        CHECK(layer.create_and_run(options) == HALCONV_KERNEL_FAILED);
        loop.first_worker = 0, loop.extra = 1;
        CHECK(layer.create_and_run(options) == HALCONV_KERNEL_FAILED);
        loop.extra = -1;  // a task left out
        CHECK(layer.create_and_run(options) == HALCONV_KERNEL_FAILED);
    }
}

TEST_CASE("a parallel loop returns its first error", "[runtime]") {
    Pool *pool = Pool::create(2);
    REQUIRE(pool);
    CallersLoop loop;
    loop.workers = 2;
    Workers one{1, nullptr, nullptr, nullptr, nullptr, 0}, own{2, pool, nullptr, nullptr, nullptr, 0},
        callers{2, nullptr, CallersLoop::run, &loop, nullptr, 0};
    for (const Workers *workers : {static_cast<const Workers *>(nullptr), static_cast<const Workers *>(&one),
                                   static_cast<const Workers *>(&own), static_cast<const Workers *>(&callers)}) {
        halconv_rt_context context{Arena(nullptr, 0), workers};
        CHECK(halconv_rt_do_par_for(&context, fail_at_five, 0, 9, nullptr) == -55);
        CHECK(halconv_rt_do_par_for(&context, fail_at_five, 6, 9, nullptr) == 0);
        CHECK(halconv_rt_do_par_for(&context, fail_at_five, 0, 0, nullptr) == 0);
    }
    Pool::destroy(pool);
}

TEST_CASE("the arena reuses what was released, in any order", "[runtime]") {
    constexpr uint64_t kBlock = 1000, kTaken = 1024 + 64;  // rounded, and the header
    AlignedMemory memory(3 * kTaken);
    Arena arena(static_cast<uint8_t *>(memory.get()), 3 * kTaken);
    void *a = arena.allocate(kBlock), *b = arena.allocate(kBlock), *c = arena.allocate(kBlock);
    REQUIRE((a && b && c));
    for (void *block : {a, b, c}) {
        CHECK(reinterpret_cast<uintptr_t>(block) % kAlignment == 0);
        std::fill_n(static_cast<uint8_t *>(block), kBlock, uint8_t(0xff));
    }
    CHECK(arena.allocate(0) == nullptr);
    arena.release(a);
    CHECK(arena.allocate(0) == nullptr);  // b and c are in the way
    arena.release(c);
    CHECK(arena.allocate(kBlock) == c);
    arena.release(b);
    arena.release(c);
    CHECK(arena.allocate(3 * kTaken - 64) == a);
    CHECK(arena.allocate(0) == nullptr);
}

TEST_CASE("an arena has no room for sizes beyond it", "[runtime]") {
    AlignedMemory memory(256);
    Arena arena(static_cast<uint8_t *>(memory.get()), 256);
    for (uint64_t bytes : {uint64_t(193), uint64_t(256), UINT64_MAX, UINT64_MAX - 63, UINT64_MAX - 128}) {
        CHECK(arena.allocate(bytes) == nullptr);
    }
    CHECK(arena.allocate(192) != nullptr);
}

TEST_CASE("kernels without a plan have memory and loops", "[runtime]") {
    void *memory = halconv_rt_malloc(nullptr, 100);
    REQUIRE(memory);
    CHECK(reinterpret_cast<uintptr_t>(memory) % kAlignment == 0);
    halconv_rt_free(nullptr, memory);
    CHECK(halconv_rt_malloc(nullptr, SIZE_MAX - 5) == nullptr);
    CHECK(halconv_rt_do_par_for(nullptr, fail_at_five, 0, 9, nullptr) == -55);
    CHECK(halconv_rt_error(nullptr) != 0);
}

}  // namespace halconv
