#include "runtime/selection.h"

#include <algorithm>
#include <cstring>

#include "runtime/boxes.h"
#include "runtime/core/winograd.h"
#include "runtime/estimate.h"
#include "runtime/packing.h"

namespace halconv {

namespace {

bool glob_matches(const char *name, const char *pattern) {
    const char *star = nullptr, *resume = nullptr;  // after the last *, and where in the name its text ends
    while (*name != 0) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            ++pattern;
            ++name;
        } else if (star) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        ++pattern;
    }
    return *pattern == 0;
}

bool boxes_fit(const halconv_kernel &row, const OutputBoxes &boxes) {
    for (int i = 0; i < boxes.count; ++i) {
        for (int a = 0; a < 3; ++a) {
            if (boxes.box[i].axis[a].extent < row.min_extent[a]) {
                return false;
            }
        }
    }
    return true;
}

Verdict judge(const halconv_kernel &row, const Query &query, double &rate) {
    if (!key_accepts(row.key, query.key)) {
        return Verdict::kOtherProblem;
    }
    if ((row.cpu_features & ~query.cpu_features) != 0) {
        return Verdict::kMissingFeature;
    }
    if (query.kernel && !name_matches(row.name, query.kernel)) {
        return Verdict::kOtherName;
    }
    if (!numerics_allow(row.form, query.numerics)) {
        return Verdict::kNumerics;
    }
    if (!form_accepts(row, query.shape)) {
        return Verdict::kForm;
    }
    OutputBoxes boxes = output_boxes(row, query.shape);
    if (!boxes_fit(row, boxes)) {
        return Verdict::kTooSmall;
    }
    PackedShape packed;
    if (!packed_shape(row, query.shape, packed)) {
        return Verdict::kTooLarge;
    }
    rate = estimated_rate(row, query.shape, packed, boxes);
    return Verdict::kAccepted;
}

bool goes_before(const Candidate &a, const Candidate &b) {
    if ((a.verdict == Verdict::kAccepted) != (b.verdict == Verdict::kAccepted)) {
        return a.verdict == Verdict::kAccepted;
    }
    if (a.verdict != Verdict::kAccepted) {
        return a.row < b.row;
    }
    switch (advantage(a, b)) {
    case Advantage::kName:
        return a.named;
    case Advantage::kRecord:
        return a.recorded;
    case Advantage::kSchedule:
        return b.reference;
    case Advantage::kPins:
        return a.pins > b.pins;
    case Advantage::kRate:
        return a.rate > b.rate;
    case Advantage::kPosition:
        break;
    }
    return a.row < b.row;
}

}  // namespace

bool name_matches(const char *name, const char *pattern) {
    return std::strpbrk(pattern, "*?") ? glob_matches(name, pattern) : std::strstr(name, pattern) != nullptr;
}

Advantage advantage(const Candidate &first, const Candidate &second) {
    if (first.named != second.named) {
        return Advantage::kName;
    }
    if (first.recorded != second.recorded) {
        return Advantage::kRecord;
    }
    if (first.reference != second.reference) {
        return Advantage::kSchedule;
    }
    if (first.pins != second.pins) {
        return Advantage::kPins;
    }
    return first.rate > second.rate || first.rate < second.rate ? Advantage::kRate : Advantage::kPosition;
}

int32_t select_kernels(const halconv_kernel_set &set, const Query &query, Candidate *candidates) {
    int32_t accepted = 0;
    for (int32_t i = 0; i < set.count; ++i) {
        const halconv_kernel &row = set.kernels[i];
        Candidate &candidate = candidates[i];
        candidate.row = i;
        candidate.rate = 0;
        candidate.verdict = judge(row, query, candidate.rate);
        candidate.named = query.kernel && std::strcmp(row.name, query.kernel) == 0;
        // A record is for this very problem if it pins all of it (and accepts it).
        candidate.recorded = std::strcmp(row.origin, "record") == 0 && pins_whole_problem(row.key);
        candidate.reference = std::strcmp(row.origin, "reference") == 0;
        candidate.pins = count_pins(row.key);
        accepted += candidate.verdict == Verdict::kAccepted;
    }
    std::sort(candidates, candidates + set.count, goes_before);
    return accepted;
}

}  // namespace halconv
