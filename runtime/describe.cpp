// Texts: why a plan has its kernel, and what a status means.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "runtime/core/enum_value.h"
#include "runtime/plan.h"

namespace halconv {

namespace {

// Appends like snprintf and counts what the whole text needs.
class Text {
  public:
    Text(char *text, size_t size) : text_(text), size_(text ? size : 0) {
        if (size_ > 0) {
            text_[0] = 0;
        }
    }
    __attribute__((format(printf, 2, 3))) void add(const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        bool room = length_ < size_;
        int added = std::vsnprintf(room ? text_ + length_ : nullptr, room ? size_ - length_ : 0, format, arguments);
        va_end(arguments);
        length_ += added > 0 ? static_cast<size_t>(added) : 0;
    }
    size_t length() const { return length_; }

  private:
    char *text_;
    size_t size_, length_ = 0;
};

// Names of a key's fields in their order.
constexpr const char *kKeyFields[] = {"operation",
                                      "element type",
                                      "input layout",
                                      "output layout",
                                      "batch",
                                      "groups",
                                      "input channels per group",
                                      "output channels per group",
                                      "input z",
                                      "input y",
                                      "input x",
                                      "output z",
                                      "output y",
                                      "output x",
                                      "kernel z",
                                      "kernel y",
                                      "kernel x",
                                      "stride z",
                                      "stride y",
                                      "stride x",
                                      "dilation z",
                                      "dilation y",
                                      "dilation x",
                                      "pad_before z",
                                      "pad_before y",
                                      "pad_before x",
                                      "activation",
                                      "piecewise linear activation",
                                      "residual"};
constexpr int kKeyFieldCount = sizeof(kKeyFields) / sizeof(*kKeyFields);
static_assert(sizeof(halconv_key) == kKeyFieldCount * sizeof(int32_t));

// The operation, element type and layouts come first in a key; a kernel for others is no candidate.
constexpr int kFirstNumber = 4;

struct KeyFields {
    int32_t value[kKeyFieldCount];
    explicit KeyFields(const halconv_key &key) { std::memcpy(value, &key, sizeof(key)); }
};

// The first field in which a kernel's key refuses the problem's; kKeyFieldCount if there is none.
int first_difference(const halconv_key &key, const halconv_key &problem) {
    KeyFields wanted(key), given(problem);
    int field = 0;
    while (field < kKeyFieldCount &&
           (wanted.value[field] == HALCONV_FREE || wanted.value[field] == given.value[field])) {
        ++field;
    }
    return field;
}

void add_key_difference(const halconv_key &key, const halconv_key &problem, Text &text) {
    int field = first_difference(key, problem);
    KeyFields wanted(key), given(problem);
    text.add("made for %s %d, the problem has %d", kKeyFields[field], wanted.value[field], given.value[field]);
}

// A rate as text with one decimal, independent of the locale.
struct Tenths {
    long long whole;
    int tenth;
    explicit Tenths(double rate)
        : whole(static_cast<long long>(rate * 10 + 0.5) / 10), tenth(static_cast<int>(rate * 10 + 0.5) % 10) {}
};

void add_choice(const halconv_plan &plan, Text &text) {
    const Candidate &best = plan.candidate[0];
    if (plan.accepted == 1) {
        text.add("chosen: the only kernel of the set that accepts this problem on this processor");
        return;
    }
    const Candidate &next = plan.candidate[1];
    switch (advantage(best, next)) {
    case Advantage::kName:
        text.add("chosen: its name is the one asked for");
        break;
    case Advantage::kRecord:
        text.add("chosen: its schedule was recorded for this very problem");
        break;
    case Advantage::kSchedule:
        text.add("chosen: the only scheduled kernel that accepts this problem on this processor");
        break;
    case Advantage::kPins:
        text.add("chosen: compiled for %d fields of the problem, the next best for %d", best.pins, next.pins);
        break;
    case Advantage::kChip:
        text.add("chosen: made for the newest chip, of compute capability %d.%d", best.capability / 10,
                 best.capability % 10);
        break;
    case Advantage::kRate: {
        Tenths rate(best.rate), other(next.rate);
        text.add("chosen: estimated at %lld.%d useful multiply-adds a cycle, the next best at %lld.%d", rate.whole,
                 rate.tenth, other.whole, other.tenth);
        break;
    }
    case Advantage::kPosition:
        text.add("chosen: the first in the set of equally good ones");
        break;
    }
}

void add_accepted(const Candidate &best, const Candidate &other, Text &text) {
    switch (advantage(best, other)) {
    case Advantage::kName:
        text.add("accepts the problem; not the name asked for");
        break;
    case Advantage::kRecord:
        text.add("accepts the problem; not recorded for it");
        break;
    case Advantage::kSchedule:
        text.add("accepts the problem; a reference kernel, without a schedule");
        break;
    case Advantage::kPins:
        text.add("accepts the problem; compiled for %d of its fields", other.pins);
        break;
    case Advantage::kChip:
        text.add("accepts the problem; made for compute capability %d.%d", other.capability / 10,
                 other.capability % 10);
        break;
    case Advantage::kRate: {
        Tenths rate(other.rate);
        text.add("accepts the problem; estimated at %lld.%d useful multiply-adds a cycle", rate.whole, rate.tenth);
        break;
    }
    case Advantage::kPosition:
        text.add("accepts the problem; as good, but later in the set");
        break;
    }
}

void add_reason(const halconv_plan &plan, const Candidate &candidate, Text &text) {
    const halconv_kernel &row = plan.set->kernels[candidate.row];
    text.add("%s: ", row.name);
    switch (candidate.verdict) {
    case Verdict::kAccepted:
        add_accepted(plan.candidate[0], candidate, text);
        break;
    case Verdict::kOtherProblem:
        add_key_difference(row.key, plan.key, text);
        break;
    case Verdict::kOtherDevice:
        text.add(row.backend ? "for graphics processors" : "for the processor");
        break;
    case Verdict::kCapability:
        text.add("needs compute capability %d.%d, the graphics processor has %d.%d", row.capability / 10,
                 row.capability % 10, plan.device.capability / 10, plan.device.capability % 10);
        break;
    case Verdict::kMissingFeature:
        text.add("this processor lacks an instruction set that it needs");
        break;
    case Verdict::kNumerics:
        text.add("halconv_options.numerics does not allow its form");
        break;
    case Verdict::kForm:
        text.add("its form does not compute this problem");
        break;
    case Verdict::kTooSmall:
        text.add("the output is smaller than its tile");
        break;
    case Verdict::kTooLarge:
        text.add("its packed weights would exceed 2^31 - 1 elements");
        break;
    case Verdict::kOtherName:
        text.add("its name does not match halconv_options.kernel");
        break;
    }
    text.add("\n");
}

}  // namespace

}  // namespace halconv

using namespace halconv;

size_t halconv_plan_describe(const halconv_plan *plan, char *text, size_t size) {
    Text to(text, size);
    if (!plan) {
        return 0;
    }
    to.add("%s\n", plan->row->name);
    add_choice(*plan, to);
    to.add("\n");
    for (int32_t i = 1; i < plan->candidates; ++i) {
        if (first_difference(plan->set->kernels[plan->candidate[i].row].key, plan->key) >= kFirstNumber) {
            add_reason(*plan, plan->candidate[i], to);
        }
    }
    return to.length();
}

const char *halconv_status_text(halconv_status status) {
    switch (enum_value(status)) {
    case HALCONV_OK:
        return "no error";
    case HALCONV_NULL_ARGUMENT:
        return "a pointer that must not be null is null";
    case HALCONV_INVALID_PROBLEM:
        return "a field of the problem is out of its range, or no output remains";
    case HALCONV_TOO_LARGE:
        return "a size or a product of sizes exceeds 2^31 - 1 elements";
    case HALCONV_INVALID_OPTIONS:
        return "a field of the options, or the weights layout, is out of its range";
    case HALCONV_NO_KERNEL:
        return "no kernel of the set accepts this problem on this processor";
    case HALCONV_OUT_OF_MEMORY:
        return "memory or threads are short";
    case HALCONV_MISALIGNED:
        return "packed weights or workspace are not aligned to 64 bytes, or a tensor is not to 4 (device: 16)";
    case HALCONV_INVALID_SET:
        return "the kernel set was built for another version of the runtime";
    case HALCONV_KERNEL_FAILED:
        return "a kernel reported an error, which is a defect of halconv";
    case HALCONV_NO_DRIVER:
        return "the graphics processor's driver is missing or too old";
    case HALCONV_NO_DEVICE:
        return "the context or queue of the graphics processor is none, or not a usable one";
    case HALCONV_UNFIT_DEVICE:
        return "the set's kernels for this problem need another or newer graphics processor";
    case HALCONV_DEVICE_MEMORY:
        return "the driver has no memory left on the graphics processor";
    case HALCONV_DEVICE_FAILED:
        return "the graphics processor's driver reported an error";
    }
    return "an unknown status";
}
