// Kernel names are a grammar with one writer and one reader:
//
//     halconv_<op>_<types>_<layout>[_<pins>]_on_<target>_<form>[_<tile>]
//
//     op      conv | conv_transpose
//     types   f32
//     layout  nhwc | nchw, of input and output; input-output where they differ: nhwc-nchw
//     pins    what is frozen, in this order, each left out where it is free:
//             kernel k4x4, stride s2x2, dilation d1x1, pad_before p1x1, input i56x56, output o56x56: a value for each
//             axis of the rank, slowest first; F where this axis is free; m before a negative value (pm1x0)
//             r2, r1: the rank, where none of the six says it; rank 3 where neither does
//             batch n1, groups g1, channels of a group: input ci64, output co64
//             activation linear | relu | clamp | leaky | tanh | sigmoid | silu | gelu | anyact (free); without: any
//             piecewise linear one, which are the first four
//             residual res | anyres (free); without: no residual
//     target  a row of the target table, x86-avx512
//     form    phase, row_fused: words of letters and digits that begin with a letter
//     tile    letters and digits, begins with a digit: 4x4
//
// A key has rank 2 if its z axis is a unit in all six quantities, rank 1 if its y axis is one too.
// Example: halconv_conv_transpose_f32_nhwc_k4x4_s2x2_on_x86-avx512_phase_4x4
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/kernel_table.h"

namespace halconv {

// `key` as problem_key writes it, with any fields of it free; the texts as the grammar allows, tile may be empty.
struct KernelName {
    halconv_key key;
    std::string target, form, tile;
};

std::string kernel_name(const KernelName &name);

// Nothing where `text` is not a name that kernel_name writes.
std::optional<KernelName> parse_kernel_name(std::string_view text);

// The name as a C identifier: '-' becomes '_'.
std::string kernel_symbol(std::string_view name);

}  // namespace halconv
