// Buffers that end, or start, at an inaccessible page: a kernel that touches one element too many there is stopped by
// the processor. What alignment leaves between the buffer and the page, and the rest of the buffer's pages, holds a
// pattern that intact() checks.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace halconv {

enum class GuardSide { kStart, kEnd };

template <class T> class Guarded {
  public:
    // `count` elements at the guarded side of their pages; data() is a multiple of `alignment` bytes (a power of two
    // that divides the page). Filled with the pattern.
    Guarded(size_t count, GuardSide side, size_t alignment) : bytes_(count * sizeof(T)) {
        auto page = size_t(sysconf(_SC_PAGESIZE));
        inner_ = (bytes_ + page - 1) / page * page;
        total_ = inner_ + 2 * page;
        void *mapped = mmap(nullptr, total_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) {
            throw std::bad_alloc();
        }
        mapped_ = static_cast<char *>(mapped);
        first_ = mapped_ + page;
        if (inner_ > 0 && mprotect(first_, inner_, PROT_READ | PROT_WRITE) != 0) {
            munmap(mapped_, total_);
            throw std::bad_alloc();
        }
        size_t offset = side == GuardSide::kStart ? 0 : (inner_ - bytes_) / alignment * alignment;
        data_ = first_ + offset;
        if (inner_ > 0) {
            std::memset(first_, kPattern, inner_);
        }
    }
    Guarded(const std::vector<T> &values, GuardSide side, size_t alignment) : Guarded(values.size(), side, alignment) {
        if (!values.empty()) {
            std::memcpy(data_, values.data(), bytes_);
        }
    }
    ~Guarded() { munmap(mapped_, total_); }
    Guarded(const Guarded &) = delete;
    Guarded &operator=(const Guarded &) = delete;

    // A page's border for an empty buffer, so that any access through it is stopped.
    T *data() const { return reinterpret_cast<T *>(data_); }
    size_t size() const { return bytes_ / sizeof(T); }

    // From here on a write is stopped too.
    void make_read_only() const {
        if (inner_ > 0) {
            mprotect(first_, inner_, PROT_READ);
        }
    }

    // Nothing was written between the buffer and the borders of its pages.
    bool intact() const {
        for (const char *at = first_; at < first_ + inner_; at++) {
            if ((at < data_ || at >= data_ + bytes_) && *at != kPattern) {
                return false;
            }
        }
        return true;
    }

  private:
    // Four of these bytes are a quiet NaN, so that reading the pattern as f32 also spoils a sum.
    static constexpr char kPattern = char(0xff);

    size_t bytes_, inner_ = 0, total_ = 0;
    char *mapped_ = nullptr, *first_ = nullptr, *data_ = nullptr;
};

}  // namespace halconv
