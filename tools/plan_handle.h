// Owners for what the C API hands out: plans, and memory aligned as it wants it.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "halconv/halconv.h"

namespace halconv {

struct DestroyPlan {
    void operator()(halconv_plan *plan) const { halconv_plan_destroy(plan); }
};
using PlanHandle = std::unique_ptr<halconv_plan, DestroyPlan>;

struct FreeMemory {
    void operator()(void *memory) const { std::free(memory); }
};
using AlignedBytes = std::unique_ptr<char, FreeMemory>;

// At least `bytes` bytes at a multiple of 64. Throws std::bad_alloc.
inline AlignedBytes aligned_bytes(size_t bytes) {
    constexpr size_t kAlignment = 64;
    void *memory = std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment);
    if (!memory) {
        throw std::bad_alloc();
    }
    return AlignedBytes(static_cast<char *>(memory));
}

// All of halconv_plan_describe: the kernel's name, the reason, then a line for each other candidate.
inline std::string plan_text(const halconv_plan *plan) {
    std::string text(halconv_plan_describe(plan, nullptr, 0) + 1, '\0');
    halconv_plan_describe(plan, text.data(), text.size());
    text.pop_back();
    return text;
}

}  // namespace halconv
