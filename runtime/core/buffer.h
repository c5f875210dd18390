// The memory layout of Halide's halide_buffer_t (HalideRuntime.h, stable since Halide 8), so that the runtime needs no
// Halide header. tests/runtime_packing_test.cpp compares the offsets with Halide's own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halconv {

struct Dimension {
    int32_t min, extent, stride;  // in elements
    uint32_t flags;
};

struct ElementType {
    uint8_t code;  // kSigned or kFloat
    uint8_t bits;
    uint16_t lanes;
};

enum : uint8_t { kSigned = 0, kFloat = 2 };

struct Buffer {
    uint64_t device;
    const void *device_interface;
    uint8_t *host;  // the element whose coordinates are the minima
    uint64_t flags;
    ElementType type;
    int32_t dimensions;
    Dimension *dim;
    void *padding;
};

static_assert(sizeof(Dimension) == 16 && sizeof(ElementType) == 4);
static_assert(offsetof(Buffer, host) == 8 + sizeof(void *) && offsetof(Buffer, type) == 16 + 2 * sizeof(void *));
static_assert(offsetof(Buffer, dim) == 24 + 2 * sizeof(void *) && sizeof(Buffer) == 24 + 4 * sizeof(void *));

constexpr int kMaxDimensions = 9;

// A buffer and its dimensions. A copy's `buffer.dim` must be pointed to the copy's own dimensions.
struct Tensor {
    Buffer buffer;
    Dimension dim[kMaxDimensions];

    Tensor at(const void *host) const {
        Tensor copy = *this;
        copy.buffer.host = const_cast<uint8_t *>(static_cast<const uint8_t *>(host));
        return copy;
    }
    Tensor on_device(const void *address) const {
        Tensor copy = *this;
        copy.buffer.device = reinterpret_cast<uintptr_t>(address);
        return copy;
    }
};

// Appends dimension [min, min + extent) to a tensor. A stride is used only where the extent exceeds 1; one that does
// not fit (phases further apart than the tensor is large) becomes 0.
inline void add_dimension(Tensor &tensor, int64_t min, int64_t extent, int64_t stride) {
    tensor.dim[tensor.buffer.dimensions++] = {static_cast<int32_t>(min), static_cast<int32_t>(extent),
                                              stride <= INT32_MAX ? static_cast<int32_t>(stride) : 0, 0};
}

}  // namespace halconv
