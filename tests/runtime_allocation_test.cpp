// plan_run allocates nothing and starts no thread; plan_create says so when memory or threads are short. The C
// library's malloc and pthread_create are replaced in this program, which a sanitizer does not allow: then the tests
// are left out.
#include "tests/catch.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
TEST_CASE("plan_run does not allocate (skipped: malloc cannot be replaced here)", "[runtime]") {
    WARN("skipped: malloc cannot be replaced here");
}
#else

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "runtime/backend.h"
#include "tests/device/fake_kernel.h"
#include "tests/reference.h"
#include "tests/runtime_fake_kernels.h"

namespace {

std::atomic<int> allocations{0};    // by any thread
std::atomic<int> allowed{1 << 30};  // allocations before malloc fails
std::atomic<int> allowed_threads{1 << 30};

bool allocation_allowed() {
    allocations++;
    bool yes = allowed-- > 0;
    errno = yes ? errno : ENOMEM;
    return yes;
}

}  // namespace

extern "C" {

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) { return allocation_allowed() ? __libc_malloc(bytes) : nullptr; }
void *calloc(size_t count, size_t bytes) { return allocation_allowed() ? __libc_calloc(count, bytes) : nullptr; }
void *realloc(void *memory, size_t bytes) { return allocation_allowed() ? __libc_realloc(memory, bytes) : nullptr; }
void *aligned_alloc(size_t alignment, size_t bytes) {
    return allocation_allowed() ? __libc_memalign(alignment, bytes) : nullptr;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    static auto *create = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
    return allowed_threads-- > 0 ? create(thread, attributes, start, argument) : EAGAIN;
}
}

namespace halconv {

namespace {

// A kernel that uses scratch memory and a parallel loop, and unlike the other fakes no memory of the C++ library.
int fill_zero(void *context, int, uint8_t *output) {
    void *memory = halconv_rt_malloc(context, 100);
    *reinterpret_cast<float *>(output) = 0;
    halconv_rt_free(context, memory);
    return memory ? 0 : -1;
}

struct BufferHead {
    uint64_t device;
    void *device_interface;
    uint8_t *host;
};

int run_zero(void **argv) {
    void *context = *static_cast<void **>(argv[0]);
    uint8_t *output = static_cast<BufferHead *>(argv[28])->host;
    return halconv_rt_do_par_for(context, fill_zero, 0, 1, output);
}

int scratch_hundred(void **argv) {
    reinterpret_cast<int64_t *>(static_cast<BufferHead *>(argv[29])->host)[1] = 100;
    return 0;
}

struct Fixture {
    halconv_problem problem = square_problem(HALCONV_CONV, 3, 2, 2, 1, 1);
    KernelSet set{{fake_row(HALCONV_FORM_DIRECT, HALCONV_CONV, 2)}};
    halconv_plan *plan = nullptr;
    Fixture() {
        set.rows[0].run = run_zero;
        set.rows[0].scratch = scratch_hundred;
    }
    halconv_status create(int32_t threads) {
        halconv_options options{};
        options.threads = threads;
        return halconv_plan_create(&set, &problem, &options, &plan);
    }
};

}  // namespace

// A driver that does nothing.
int launches = 0;
const halconv_rt_backend kNoDriver = {
    HALCONV_CUDA,
    [](halconv_device &, int32_t &capability) {
        capability = 80;
        return HALCONV_OK;
    },
    [](const halconv_device &, const char *, int, void **module) {
        *module = &launches;
        return HALCONV_OK;
    },
    [](const halconv_device &, void *) {},
    [](const halconv_device &, void *, const char *, const EntryNeeds &, void **function) {
        *function = &launches;
        return HALCONV_OK;
    },
    [](void *) {},
    [](void *, void *, const LaunchSize &, const LaunchArguments &) {
        launches++;
        return HALCONV_OK;
    }};

struct DeviceFixture {
    halconv_problem problem = square_problem(HALCONV_CONV, 3, 4, 4, 1, 1);
    KernelSet set{{fake_device_row(&kNoDriver, HALCONV_CONV, 80)}};
    halconv_device device{HALCONV_CUDA, nullptr, nullptr};
    halconv_plan *plan = nullptr;
    halconv_status create() {
        halconv_options options{};
        options.device = &device;
        return halconv_plan_create(&set, &problem, &options, &plan);
    }
};

TEST_CASE("plan_run does not allocate or start threads", "[runtime]") {
    for (int32_t threads : {1, 3}) {
        Fixture f;
        REQUIRE(f.create(threads) == HALCONV_OK);
        AlignedMemory packed(halconv_plan_weights_bytes(f.plan)), workspace(halconv_plan_workspace_bytes(f.plan));
        std::vector<float> x(18), w(4), y(18);
        REQUIRE(halconv_plan_pack(f.plan, w.data(), HALCONV_WEIGHTS_OIHW, 0, nullptr, packed.get()) == HALCONV_OK);
        int before = allocations;
        int threads_left = allowed_threads;
        halconv_status status = HALCONV_OK;
        for (int i = 0; i < 10; i++) {
            status = halconv_plan_run(f.plan, x.data(), packed.get(), nullptr, y.data(), workspace.get());
        }
        int after = allocations;
        CHECK(status == HALCONV_OK);
        CHECK(after == before);
        CHECK(allowed_threads == threads_left);
        halconv_plan_destroy(f.plan);
    }
}

TEST_CASE("plan_run on a graphics processor does not allocate", "[runtime]") {
    DeviceFixture f;
    REQUIRE(f.create() == HALCONV_OK);
    alignas(64) static char memory[64];
    int before = allocations;
    halconv_status status = HALCONV_OK;
    for (int i = 0; i < 10; i++) {
        status = halconv_plan_run(f.plan, memory, memory, nullptr, memory, memory);
    }
    int after = allocations;
    CHECK(status == HALCONV_OK);
    CHECK(launches == 20);
    CHECK(after == before);
    halconv_plan_destroy(f.plan);
}

TEST_CASE("plan_create on a graphics processor says when memory is short", "[runtime]") {
    for (int count : {0, 1}) {  // plan, module
        DeviceFixture f;
        allowed = count;
        halconv_status status = f.create();
        allowed = 1 << 30;
        CHECK(status == HALCONV_OUT_OF_MEMORY);
        CHECK(f.plan == nullptr);
    }
}

TEST_CASE("plan_create says when memory is short", "[runtime]") {
    int failures = 0;
    for (int count = 0;; count++) {
        Fixture f;
        allowed = count;
        halconv_status status = f.create(3);
        allowed = 1 << 30;
        if (status == HALCONV_OK) {
            halconv_plan_destroy(f.plan);
            break;
        }
        failures++;
        CHECK(status == HALCONV_OUT_OF_MEMORY);
        CHECK(f.plan == nullptr);
    }
    CHECK(failures >= 3);  // plan, pool, its table of threads
}

TEST_CASE("plan_create says when threads are short", "[runtime]") {
    for (int count : {0, 1, 2}) {
        Fixture f;
        allowed_threads = count;
        halconv_status status = f.create(4);
        allowed_threads = 1 << 30;
        CHECK(status == HALCONV_OUT_OF_MEMORY);
        CHECK(f.plan == nullptr);
    }
}

}  // namespace halconv
#endif
