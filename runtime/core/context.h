// The user context of a running kernel: its scratch memory and the workers of its parallel loops.
#pragma once

#include <cstdint>

#include "halconv/halconv.h"

namespace halconv {

class Pool;
struct DeviceCall;  // runtime/device.h

// Packed weights, workspace and every block of scratch memory start at a multiple of this: one AVX-512 vector, one
// line.
constexpr uint64_t kAlignment = 64;

constexpr uint64_t align_up(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// What an arena needs beyond the bytes that a kernel's `scratch` reports: a header of 64 bytes, rounding to 64 and
// Halide's own padding (up to a vector) for each block, for at least 20 blocks that live at one time.
constexpr uint64_t kArenaSlack = 4096;

// A stack of blocks in memory of the caller. Blocks may be released in any order; the space of a block is used again
// when every later one has been released too.
class Arena {
  public:
    Arena(uint8_t *memory, uint64_t bytes) : memory_(memory), bytes_(bytes) {}
    void *allocate(uint64_t bytes);  // null if the space is used up
    void release(void *block);

  private:
    struct Header;
    static constexpr uint64_t kNone = UINT64_MAX;
    Header *header(uint64_t offset) const;

    uint8_t *memory_;
    uint64_t bytes_, top_ = 0, last_ = kNone;  // offsets: first free byte, header of the newest block
};

// Who runs the tasks of a parallel loop. Worker w's scratch memory is slice w.
struct Workers {
    int32_t threads;
    Pool *pool;                         // null: none
    halconv_parallel_for parallel_for;  // null: none
    void *caller_pool;
    uint8_t *slices;
    uint64_t slice_bytes;
};

}  // namespace halconv

struct halconv_rt_context {
    halconv::Arena arena;
    const halconv::Workers *workers;        // null inside a worker, whose own parallel loops run in order
    halconv::DeviceCall *device = nullptr;  // of a kernel for a graphics processor
};
