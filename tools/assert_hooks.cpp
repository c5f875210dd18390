// Where the checks of kernels that are built with BuildOptions::asserts end: one function for each of Halide's errors. It
// says which check failed and makes the kernel return an error. The arguments after the user context are not read.
#include <fmt/format.h>

#include "runtime/core/kernel_table.h"
#include "tools/build.h"

#define HALCONV_ASSERT_HOOK(name)                                                                                      \
    extern "C" __attribute__((visibility("default"))) int halconv_rt_error_##name(void *user_context) {                \
        fmt::print(stderr, "kernel assert failed: {}\n", #name);                                                       \
        return halconv_rt_error(user_context);                                                                         \
    }

HALCONV_ASSERT_HOOK(access_out_of_bounds)
HALCONV_ASSERT_HOOK(bad_dimensions)
HALCONV_ASSERT_HOOK(bad_extern_fold)
HALCONV_ASSERT_HOOK(bad_fold)
HALCONV_ASSERT_HOOK(bad_type)
HALCONV_ASSERT_HOOK(bounds_inference_call_failed)
HALCONV_ASSERT_HOOK(buffer_allocation_too_large)
HALCONV_ASSERT_HOOK(buffer_argument_is_null)
HALCONV_ASSERT_HOOK(buffer_extents_negative)
HALCONV_ASSERT_HOOK(buffer_extents_too_large)
HALCONV_ASSERT_HOOK(buffer_is_null)
HALCONV_ASSERT_HOOK(constraint_violated)
HALCONV_ASSERT_HOOK(constraints_make_required_region_smaller)
HALCONV_ASSERT_HOOK(device_dirty_with_no_device_support)
HALCONV_ASSERT_HOOK(explicit_bounds_too_small)
HALCONV_ASSERT_HOOK(fold_factor_too_small)
HALCONV_ASSERT_HOOK(host_and_device_dirty)
HALCONV_ASSERT_HOOK(host_is_null)
HALCONV_ASSERT_HOOK(out_of_memory)
HALCONV_ASSERT_HOOK(param_too_large_f64)
HALCONV_ASSERT_HOOK(param_too_large_i64)
HALCONV_ASSERT_HOOK(param_too_large_u64)
HALCONV_ASSERT_HOOK(param_too_small_f64)
HALCONV_ASSERT_HOOK(param_too_small_i64)
HALCONV_ASSERT_HOOK(param_too_small_u64)
HALCONV_ASSERT_HOOK(requirement_failed)
HALCONV_ASSERT_HOOK(specialize_fail)
HALCONV_ASSERT_HOOK(split_factor_not_positive)
HALCONV_ASSERT_HOOK(storage_bound_too_small)
HALCONV_ASSERT_HOOK(unaligned_host_ptr)

namespace halconv {

// Called where kernels are loaded, so that a static link keeps this file.
void keep_assert_hooks() {}

}  // namespace halconv
