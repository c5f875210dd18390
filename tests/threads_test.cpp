// One plan from many threads, plans with several threads, and the caller's own pool: always the same bits.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/reference.h"

namespace halconv {

namespace {

KernelCase layer(halconv_op op, int64_t in, int64_t channels_in, int64_t channels_out, int64_t kernel, int64_t stride) {
    KernelCase c;
    halconv_problem &p = c.problem;
    p.op = op, p.rank = 2, p.batch = 2, p.groups = 1, p.in_channels = channels_in, p.out_channels = channels_out;
    for (int d = 0; d < 2; d++) {
        p.in[d] = in + d, p.kernel[d] = kernel, p.stride[d] = stride, p.dilation[d] = 1;
        p.pad_before[d] = p.pad_after[d] = kernel / 2;
    }
    c.bias = true;
    return c;
}

// Real-valued operands, so that another order of summation shows.
Operands real_operands(const KernelCase &c) {
    Operands operands = make_operands(c);
    for (std::vector<float> *values : {&operands.input, &operands.weights, &operands.bias, &operands.residual}) {
        for (size_t i = 0; i < values->size(); i++) {
            (*values)[i] += float(i % 97) * 0.0123f;
        }
    }
    return operands;
}

std::vector<KernelCase> layers() {
    std::vector<KernelCase> cases{layer(HALCONV_CONV, 19, 17, 40, 3, 1),
                                  layer(HALCONV_CONV, 21, 3, 16, 5, 2),
                                  layer(HALCONV_CONV, 1, 64, 70, 1, 1),
                                  layer(HALCONV_CONV_TRANSPOSE, 9, 16, 33, 4, 2),
                                  layer(HALCONV_CONV_TRANSPOSE, 11, 8, 3, 4, 2),
                                  layer(HALCONV_CONV_TRANSPOSE, 7, 12, 20, 3, 2),
                                  layer(HALCONV_CONV_TRANSPOSE, 10, 24, 24, 4, 2),
                                  layer(HALCONV_CONV, 15, 24, 24, 3, 1)};
    cases[6].problem.groups = cases[7].problem.groups = 24;
    return cases;
}

// A pool of the caller's: starts its threads for each loop, hands out tasks one by one, and counts what it is asked for.
struct CallersPool {
    int32_t threads;
    std::atomic<int> loops{0}, tasks{0};
    std::atomic<bool> overlap{false};
    std::vector<std::atomic<bool>> busy;

    explicit CallersPool(int32_t count) : threads(count), busy(size_t(count)) {}

    static void parallel_for(void *pool, int32_t count, halconv_task task, void *argument) {
        static_cast<CallersPool *>(pool)->run(count, task, argument);
    }

    void run(int32_t count, halconv_task task, void *argument) {
        std::atomic<int32_t> next{0};
        auto work = [&](int32_t worker) {
            for (int32_t i = next++; i < count; i = next++) {
                overlap = overlap || busy[size_t(worker)].exchange(true);
                task(argument, worker, i);
                busy[size_t(worker)] = false;
                tasks++;
            }
        };
        loops++;
        std::vector<std::thread> workers;
        for (int32_t worker = 1; worker < threads; worker++) {
            workers.emplace_back(work, worker);
        }
        work(0);
        for (std::thread &worker : workers) {
            worker.join();
        }
    }
};

struct Aligned {
    explicit Aligned(size_t bytes) : memory(std::aligned_alloc(64, (bytes + 64) / 64 * 64), std::free) {}
    std::unique_ptr<void, void (*)(void *)> memory;
};

}  // namespace

TEST_CASE("several threads give the bits of one", "[threads]") {
    for (const KernelCase &c : layers()) {
        INFO(case_text(c));
        Operands operands = real_operands(c);
        std::vector<float> serial = run_layer(halconv_builtin_kernels(), nullptr, c, operands);
        for (int32_t threads : {2, 3}) {
            halconv_options options{};
            options.threads = threads;
            CHECK(run_layer(halconv_builtin_kernels(), &options, c, operands) == serial);
        }
    }
}

TEST_CASE("the caller's parallel-for gives the bits of one thread", "[threads]") {
    CallersPool pool(3);
    for (const KernelCase &c : layers()) {
        INFO(case_text(c));
        Operands operands = real_operands(c);
        halconv_options options{};
        options.threads = pool.threads, options.parallel_for = &CallersPool::parallel_for, options.pool = &pool;
        CHECK(run_layer(halconv_builtin_kernels(), &options, c, operands) ==
              run_layer(halconv_builtin_kernels(), nullptr, c, operands));
    }
    CHECK(pool.loops > 0);
    CHECK(pool.tasks > pool.loops);
    CHECK(!pool.overlap);
}

TEST_CASE("many threads run one plan, each with its own workspace", "[threads]") {
    constexpr int kThreads = 6, kRuns = 20;
    for (int32_t plan_threads : {1, 2}) {
        for (const KernelCase &c : layers()) {
            INFO(case_text(c) << " plan threads " << plan_threads);
            Operands operands = real_operands(c);
            std::vector<float> serial = run_layer(halconv_builtin_kernels(), nullptr, c, operands);
            halconv_options options{};
            options.threads = plan_threads;
            halconv_plan *plan = nullptr;
            REQUIRE(halconv_plan_create(halconv_builtin_kernels(), &c.problem, &options, &plan) == HALCONV_OK);
            Aligned packed(halconv_plan_weights_bytes(plan));
            std::vector<float> weights = reorder_weights(c.problem, operands.weights, c.weights_layout, c.flip);
            REQUIRE(halconv_plan_pack(plan, weights.data(), c.weights_layout, c.flip, operands.bias.data(),
                                      packed.memory.get()) == HALCONV_OK);
            std::atomic<int> wrong{0};
            auto work = [&] {
                Aligned workspace(halconv_plan_workspace_bytes(plan));
                for (int run = 0; run < kRuns; run++) {
                    std::vector<float> y(serial.size(), -1.0f);
                    halconv_status status = halconv_plan_run(plan, operands.input.data(), packed.memory.get(), nullptr,
                                                             y.data(), workspace.memory.get());
                    wrong += status != HALCONV_OK || y != serial;
                }
            };
            std::vector<std::thread> threads;
            for (int i = 0; i < kThreads; i++) {
                threads.emplace_back(work);
            }
            for (std::thread &thread : threads) {
                thread.join();
            }
            halconv_plan_destroy(plan);
            CHECK(wrong == 0);
        }
    }
}

}  // namespace halconv
