// Picks the kernel of a set for a problem and keeps, for every row, where it stands and why.
#pragma once

#include <cstdint>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"
#include "runtime/core/problem.h"

namespace halconv {

enum class Verdict : uint8_t {
    kAccepted,
    kOtherProblem,    // the key does not accept the problem
    kOtherDevice,     // for a graphics processor, or none, where the plan is for the other
    kMissingFeature,  // the processor lacks a feature that the kernel needs
    kCapability,      // the graphics processor is older than the kernel's chip
    kNumerics,        // halconv_options.numerics does not allow the form
    kForm,            // the form's precondition does not hold
    kTooSmall,        // a box of the output is smaller than min_extent
    kTooLarge,        // the packed weights reach 2^31 elements
    kOtherName        // the name does not match halconv_options.kernel
};

struct Candidate {
    int32_t row;  // index in the set
    Verdict verdict;
    bool named, recorded, reference;  // exactly the name asked for; recorded for this very problem; unscheduled
    int32_t pins;
    int32_t capability;  // of the kernel's chip
    double rate;         // estimated_rate; 0 on a graphics processor
};

// Why one accepted candidate goes before another: the first of these in which they differ.
enum class Advantage : uint8_t { kName, kRecord, kSchedule, kPins, kChip, kRate, kPosition };

Advantage advantage(const Candidate &first, const Candidate &second);

struct Query {
    const halconv_problem *problem;
    Problem3 shape;
    halconv_key key;
    const char *kernel;  // halconv_options.kernel or null
    halconv_numerics numerics;
    int32_t cpu_features;                         // mask of HALCONV_CPU_*
    const halconv_rt_backend *backend = nullptr;  // null: for the processor
    int32_t capability = 0;                       // of the graphics processor
};

// Fills candidates[0, set.count): the accepted ones first, best first, then the others in the set's order. Returns
// how many are accepted.
int32_t select_kernels(const halconv_kernel_set &set, const Query &query, Candidate *candidates);

// Whether `name` contains `pattern`, or, where the pattern holds * (any text) or ? (any character), is matched by it.
bool name_matches(const char *name, const char *pattern);

}  // namespace halconv
