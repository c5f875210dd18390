// Kernels written by hand from the text of runtime/core/kernel_table.h, one row for each form: plain loops over the
// buffers and packed weights that the runtime hands them, with scratch memory and parallel loops like a compiled
// kernel's.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

// A key whose fields but op and layouts are free.
halconv_key free_key(halconv_op op, halconv_layout in_layout, halconv_layout out_layout);

// A row of the table with free sizes. Its kernel counts calls (fake_calls) and asks for fake_scratch_bytes.
halconv_kernel fake_row(halconv_form form, halconv_op op, int32_t panel, halconv_layout in_layout = HALCONV_NHWC,
                        halconv_layout out_layout = HALCONV_NHWC);

// Boxes run since the program began, by any thread.
int fake_calls();

struct KernelSet : halconv_kernel_set {
    explicit KernelSet(std::vector<halconv_kernel> all) : halconv_kernel_set{}, rows(std::move(all)) {
        version = HALCONV_TABLE_VERSION;
        count = int32_t(rows.size());
        kernels = rows.data();
        name = "fakes";
    }
    KernelSet(const KernelSet &) = delete;
    KernelSet &operator=(const KernelSet &) = delete;
    std::vector<halconv_kernel> rows;
};

struct AlignedMemory {
    explicit AlignedMemory(size_t bytes) : memory(std::aligned_alloc(64, (bytes + 64) / 64 * 64), std::free) {}
    void *get() const { return memory.get(); }
    std::unique_ptr<void, void (*)(void *)> memory;
};

// A 2-D layer with square kernel, no padding, one group, batch 1.
halconv_problem square_problem(halconv_op op, int64_t in, int64_t channels_in, int64_t channels_out, int64_t kernel,
                               int64_t stride);

// Small integers that repeat with a long period.
std::vector<float> integers(int64_t count, uint32_t seed);

}  // namespace halconv
