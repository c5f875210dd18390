// The arithmetic of convolution: one relation between the denser grid (high) and the sparser one (low),
//
//     high = low * stride + tap * dilation - pad_before          (per spatial dimension)
//
// conv reads high and writes low, conv_transpose reads low and writes high; each is the adjoint of the other
// (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, relations 6 and 14).
// Everything that follows from stride, dilation and padding is in this file and nowhere else. The per-axis
// formulas are templates: the runtime instantiates them for int64_t, the generators for Halide::Expr
// (generators/expr_arithmetic.h supplies Arithmetic<Halide::Expr>).
#pragma once

#include <cstdint>
#include <optional>

namespace halconv {

// Operations whose meaning differs between number types. Division rounds to minus infinity; divisors are positive. The
// type of a condition is what comparing two T gives.
template <class T> struct Arithmetic {
    static T floor_div(T a, T b) { return a / b - (a % b < 0 ? 1 : 0); }
    static T floor_mod(T a, T b) { return a % b + (a % b < 0 ? b : 0); }
    static T max(T a, T b) { return a > b ? a : b; }
    static T min(T a, T b) { return a < b ? a : b; }
    static T select(bool condition, T a, T b) { return condition ? a : b; }
};

// One spatial dimension of an operation. kernel, stride, dilation >= 1; padding may be negative (cropping).
template <class T> struct Axis { T kernel, stride, dilation, pad_before; };

// Distance between a kernel's first and last tap, plus one.
template <class T> T kernel_span(const Axis<T> &axis) { return axis.dilation * (axis.kernel - 1) + 1; }

// conv: floor((in + pad_before + pad_after - span) / stride) + 1. At most 0 where the kernel does not fit.
template <class T> T conv_output_size(const Axis<T> &axis, T in, T pad_after) {
    return Arithmetic<T>::floor_div(in + axis.pad_before + pad_after - kernel_span(axis), axis.stride) + 1;
}

// conv_transpose: (in - 1) * stride + span - pad_before - pad_after + output_padding.
template <class T> T conv_transpose_output_size(const Axis<T> &axis, T in, T pad_after, T output_padding) {
    return (in - 1) * axis.stride + kernel_span(axis) - axis.pad_before - pad_after + output_padding;
}

// The high coordinate that the low coordinate `low` meets through `tap`.
template <class T> T high_coordinate(const Axis<T> &axis, T low, T tap) {
    return low * axis.stride + tap * axis.dilation - axis.pad_before;
}

// A transposed convolution's axis split into phases. With u = high + pad_before, r = u mod stride and
// b = u div stride, an output in phase r takes only the taps t with t * dilation = r (mod stride):
//
//     t = first_tap(r) + m * tap_step,   input = b + input_offset(r) - m * input_step,   0 <= m < taps(r)
//
// with tap_step = stride / gcd, input_step = dilation / gcd and gcd = gcd(stride, dilation). A phase that gcd
// does not divide has no tap at all, nor has one whose first tap lies beyond the kernel: there the output is the bias.
// `inverse` is the inverse of dilation / gcd modulo stride / gcd (0 where the modulus is 1).
template <class T> struct PhaseAxis {
    Axis<T> axis;
    T gcd, inverse;

    T tap_step() const { return Arithmetic<T>::floor_div(axis.stride, gcd); }
    T input_step() const { return Arithmetic<T>::floor_div(axis.dilation, gcd); }
    T phase(T high) const { return Arithmetic<T>::floor_mod(high + axis.pad_before, axis.stride); }
    T base(T high) const { return Arithmetic<T>::floor_div(high + axis.pad_before, axis.stride); }
    T first_tap(T r) const { return Arithmetic<T>::floor_mod(Arithmetic<T>::floor_div(r, gcd) * inverse, tap_step()); }
    T taps(T r) const {
        T count = Arithmetic<T>::floor_div(axis.kernel - first_tap(r) + tap_step() - 1, tap_step());
        return Arithmetic<T>::select(Arithmetic<T>::floor_mod(r, gcd) == 0, Arithmetic<T>::max(count, T(0)), T(0));
    }
    // How many b the outputs 0 .. out - 1 have. Counted from the first, base(0), as x, they are x * stride + q with
    // first_phase() <= q = r + first_phase() < first_phase() + stride.
    T bases(T out) const { return base(out - 1) - base(T(0)) + 1; }
    T first_phase() const { return base(T(0)) * axis.stride - axis.pad_before; }
    T output(T x, T q) const { return x * axis.stride + q; }
    T tap(T r, T m) const { return first_tap(r) + m * tap_step(); }
    T input_offset(T r) const { return Arithmetic<T>::floor_div(r - first_tap(r) * axis.dilation, axis.stride); }
    T input(T b, T r, T m) const { return b + input_offset(r) - m * input_step(); }
    // Input k of the run that phase r reads, lowest first: that of m = max_taps() - 1 - k.
    T run_input(T b, T r, T k) const { return input(b, r, max_taps() - 1 - k); }
    // The most and the fewest taps that any phase has.
    T max_taps() const { return Arithmetic<T>::floor_div(axis.kernel + tap_step() - 1, tap_step()); }
    T least_taps() const {
        return Arithmetic<T>::select(gcd == 1, Arithmetic<T>::floor_div(axis.kernel, tap_step()), T(0));
    }
};

// gcd(a, b) for positive a and b.
constexpr int64_t greatest_common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// The inverse of a modulo m, for a and m coprime; 0 for m = 1.
constexpr int64_t inverse_modulo(int64_t a, int64_t m) {
    int64_t r0 = m, r1 = a % m, t0 = 0, t1 = 1;
    while (r1 > 1) {
        int64_t q = r0 / r1, r = r0 - q * r1, t = t0 - q * t1;
        r0 = r1, r1 = r, t0 = t1, t1 = t;
    }
    return m == 1 ? 0 : (t1 % m + m) % m;
}

inline PhaseAxis<int64_t> phase_axis(const Axis<int64_t> &axis) {
    int64_t gcd = greatest_common_divisor(axis.stride, axis.dilation);
    return {axis, gcd, inverse_modulo(axis.dilation / gcd, axis.stride / gcd)};
}

// Whether every phase of a transposed axis has the same taps in number and reads the same inputs: kernel = T * stride.
inline bool phases_alike(const Axis<int64_t> &axis) { return axis.dilation == 1 && axis.kernel % axis.stride == 0; }

// The taps of an axis where every output, or every output of one phase, sums a run of that many neighbouring inputs with
// stride 1 (phases of a transposed axis with fewer taps have zeros there); else 0.
inline int64_t neighbouring_taps(const Axis<int64_t> &axis, bool transposed) {
    if (transposed) {
        return axis.dilation == 1 ? phase_axis(axis).max_taps() : 0;
    }
    return axis.stride == 1 && axis.dilation == 1 ? axis.kernel : 0;
}

// Where all phases of an axis are computed side by side, lane = r * channels + channel: how many lanes that makes, of how
// many channels so many lanes are, and the place in the uncropped row (b * lanes + lane) of an output's place in its row,
// and back.
template <class T> T fused_lanes(const Axis<T> &axis, T channels) { return axis.stride * channels; }
template <class T> T fused_channels(const Axis<T> &axis, T lanes) {
    return Arithmetic<T>::floor_div(lanes, axis.stride);
}
template <class T> T uncropped_place(const Axis<T> &axis, T place, T channels) {
    return place + axis.pad_before * channels;
}
template <class T> T cropped_place(const Axis<T> &axis, T uncropped, T channels) {
    return uncropped - axis.pad_before * channels;
}

// Whether the inputs of a window's taps along an axis lie side by side.
inline bool taps_adjoin(const Axis<int64_t> &axis, bool transposed) {
    PhaseAxis<int64_t> phases = phase_axis(axis);
    return transposed ? phases.input_step() == 1 || phases.max_taps() == 1 : axis.dilation == 1 || axis.kernel == 1;
}

// Input positions from `first` to `last`.
struct Reach {
    int64_t first, last;
};

// The inputs that the last tap in the order of the inputs (tap index 0 of a phase) meets, from output coordinate 0 in all
// its phases.
inline Reach last_inputs(const PhaseAxis<int64_t> &phases) {
    Reach reach{INT32_MAX, INT32_MIN};
    for (int64_t q = 0; q < phases.axis.stride; q++) {
        int64_t input = phases.input(phases.base(q), phases.phase(q), 0);
        reach.first = Arithmetic<int64_t>::min(reach.first, input);
        reach.last = Arithmetic<int64_t>::max(reach.last, input);
    }
    return reach;
}

// Distance between the first and the last input of a phase with the most taps, plus one.
inline int64_t phase_span(const PhaseAxis<int64_t> &phases) {
    return (phases.max_taps() - 1) * phases.input_step() + 1;
}

// The inputs, inside the input or not, that the windows of `positions` low coordinates meet: outputs of conv; output
// coordinates in all their phases, each counted with max_taps taps, if transposed.
inline Reach inputs_met(const Axis<int64_t> &axis, bool transposed, int64_t positions) {
    if (!transposed) {
        return {-axis.pad_before, high_coordinate(axis, positions - 1, axis.kernel - 1)};
    }
    PhaseAxis<int64_t> phases = phase_axis(axis);
    Reach last = last_inputs(phases);
    return {last.first - phase_span(phases) + 1, last.last + positions - 1};
}

// Inputs among which inputs_met are, as a compiler finds them from the formulas of PhaseAxis: it bounds base and input_offset
// each on its own, and first_tap by its modulus.
inline Reach inputs_bounded(const Axis<int64_t> &axis, bool transposed, int64_t positions) {
    if (!transposed) {
        return inputs_met(axis, transposed, positions);
    }
    PhaseAxis<int64_t> phases = phase_axis(axis);
    int64_t least_offset = Arithmetic<int64_t>::floor_div(-(phases.tap_step() - 1) * axis.dilation, axis.stride);
    return {phases.base(0) + least_offset - phase_span(phases) + 1, phases.base(axis.stride - 1) + positions - 1};
}

// How many inputs along an axis the windows of one output coordinate span, of all phases if transposed.
inline int64_t inputs_spanned(const Axis<int64_t> &axis, bool transposed) {
    Reach reach = inputs_met(axis, transposed, 1);
    return reach.last - reach.first + 1;
}

// How many of the positions 0 .. size - 1 are q modulo stride, for 0 <= q < stride.
inline int64_t positions_of_phase(int64_t size, int64_t stride, int64_t q) {
    return size <= q ? 0 : (size - q - 1) / stride + 1;
}

// The fewest positions that a phase with any has, and the number of such phases.
inline int64_t least_positions_of_phases(int64_t size, int64_t stride) { return size < stride ? 1 : size / stride; }

// Whether conv never reads outside its input.
inline bool conv_stays_inside(const Axis<int64_t> &axis, int64_t in, int64_t out) {
    return axis.pad_before <= 0 && high_coordinate(axis, out - 1, axis.kernel - 1) < in;
}

// Whether conv_transpose reads its whole input for every output: each phase one tap, nothing cropped or added.
inline bool transpose_stays_inside(const Axis<int64_t> &axis, int64_t in, int64_t out) {
    return axis.pad_before == 0 && axis.kernel <= axis.stride && axis.dilation == 1 && out <= in * axis.stride;
}

// Outputs o = coordinate * stride + q of a transposed convolution with first <= q < first + phases and
// 0 <= coordinate < extent.
struct PhaseBox {
    int64_t first, phases, extent;
};

// The box of all phases of an axis, with some positions before the output's first or after its last.
inline PhaseBox all_phases(const PhaseAxis<int64_t> &axis, int64_t out) {
    return {axis.first_phase(), axis.axis.stride, axis.bases(out)};
}

// Splits an output axis into its at most two boxes and returns how many: the phases q < out mod stride have one
// coordinate more than the others. A stride larger than the output leaves phases without any coordinate, and no box
// for them.
inline int split_phases(int64_t stride, int64_t out, PhaseBox boxes[2]) {
    int64_t full = out / stride, longer = out % stride;
    int count = 0;
    if (longer > 0) {
        boxes[count++] = {0, longer, full + 1};
    }
    if (full > 0) {
        boxes[count++] = {longer, stride - longer, full};
    }
    return count;
}

// How many inputs the windows of `positions` neighbouring outputs span, all of one phase if transposed.
inline int64_t window_span(const Axis<int64_t> &axis, bool transposed, int64_t positions) {
    if (transposed) {
        return positions - 1 + phase_span(phase_axis(axis));
    }
    return high_coordinate(axis, positions - 1, axis.kernel - 1) + axis.pad_before + 1;
}

// Phases of an axis of the output.
inline int64_t phases_of(const Axis<int64_t> &axis, bool transposed) { return transposed ? axis.stride : 1; }

// Whether one box holds all phases.
inline bool one_phase_box(int64_t stride, int64_t out) { return out % stride == 0; }

// How many of the low positions 0 .. low - 1 meet one of the high positions 0 .. high - 1 through `tap`.
inline int64_t meeting_lows(const Axis<int64_t> &axis, int64_t tap, int64_t low, int64_t high) {
    int64_t reach = high_coordinate(axis, int64_t(0), tap);
    int64_t first = Arithmetic<int64_t>::max(-Arithmetic<int64_t>::floor_div(reach, axis.stride), 0);
    int64_t end = Arithmetic<int64_t>::floor_div(high - 1 - reach, axis.stride) + 1;
    return Arithmetic<int64_t>::max((end < low ? end : low) - first, 0);
}

// Taps of an output: of a transposed axis the mean over the phases.
inline double mean_taps(const Axis<int64_t> &axis, bool transposed) {
    return double(axis.kernel) / (transposed ? double(axis.stride) : 1);
}

// Distance between the inputs of one tap of two neighbouring outputs (of one phase).
inline int64_t inputs_apart(const Axis<int64_t> &axis, bool transposed) { return transposed ? 1 : axis.stride; }

// Outputs for each input: positions of the output's grid over those of the input's.
inline double outputs_per_input(const Axis<int64_t> &axis, bool transposed) {
    return transposed ? double(axis.stride) : 1 / double(axis.stride);
}

// The most phases, but not more than `most`, of which several times make all.
inline int64_t phases_together(int64_t stride, int64_t most) {
    int64_t phases = Arithmetic<int64_t>::max(1, stride < most ? stride : most);
    while (stride % phases != 0) {
        phases--;
    }
    return phases;
}

// The share of an axis's products that meet no zero border, of all that its outputs have.
inline double share_inside(const Axis<int64_t> &axis, int64_t low, int64_t high, bool transpose) {
    int64_t inside = 0;
    for (int64_t tap = 0; tap < axis.kernel; tap++) {
        inside += meeting_lows(axis, tap, low, high);
    }
    return double(inside) / (mean_taps(axis, transpose) * double(transpose ? high : low));
}

// The axis that a problem of lower rank lacks.
constexpr Axis<int64_t> kUnitAxis{1, 1, 1, 0};

// result = a * b (a + b). False, and result is of no use, where that overflows.
[[nodiscard]] inline bool checked_multiply(int64_t a, int64_t b, int64_t &result) {
    return !__builtin_mul_overflow(a, b, &result);
}
[[nodiscard]] inline bool checked_add(int64_t a, int64_t b, int64_t &result) {
    return !__builtin_add_overflow(a, b, &result);
}

// Low positions beyond the last that a kernel's tile may address (and mask or discard).
constexpr int64_t kTileOverrun = 64;

// Whether every coordinate that a kernel computes, padding and tile overrun included, fits int32. The magnitudes of
// kernel, stride, dilation, low and of both paddings are below 2^31.
inline bool coordinates_fit(const Axis<int64_t> &axis, int64_t high, int64_t low, int64_t pad_after) {
    auto magnitude = [](int64_t pad) { return pad < 0 ? -pad : pad; };
    int64_t room = INT32_MAX - magnitude(axis.pad_before) - magnitude(pad_after), reach;
    return checked_multiply(low + kTileOverrun, axis.stride, reach) && checked_add(reach, kernel_span(axis), reach) &&
           reach <= room && high <= room;
}

// An axis with its sizes, of conv or transposed.
struct SizedAxis {
    Axis<int64_t> axis;
    int64_t in, out;
    bool transposed;
};

// Whether every place in a row of the input and of the output that an inner product computes, overrun included, fits
// int32. The axis passes coordinates_fit.
inline bool rows_fit(const SizedAxis &x, int64_t channels_in, int64_t channels_out) {
    const Axis<int64_t> &axis = x.axis;
    int64_t pad = axis.pad_before < 0 ? -axis.pad_before : axis.pad_before, low = x.transposed ? x.in : x.out;
    int64_t reach = (low + kTileOverrun) * axis.stride + kernel_span(axis) + pad, in_row, out_row;
    return checked_multiply(x.in + reach, channels_in, in_row) && in_row <= INT32_MAX &&
           checked_multiply(x.out + kTileOverrun * axis.stride, channels_out, out_row) && out_row <= INT32_MAX;
}

// Whether the intermediate products of PhaseAxis fit int32.
inline bool phases_fit(const Axis<int64_t> &axis) {
    PhaseAxis<int64_t> phases = phase_axis(axis);
    return (phases.tap_step() - 1) * Arithmetic<int64_t>::max(phases.inverse, axis.dilation) <= INT32_MAX;
}

// A larger output_padding would add a whole period of positions that no input reaches (PyTorch's rule too).
inline bool output_padding_fits(const Axis<int64_t> &axis, int64_t output_padding) {
    return output_padding >= 0 && output_padding < Arithmetic<int64_t>::max(axis.stride, axis.dilation);
}

// The axis of a conv_transpose with one input position: its stride has no effect, and stride = dilation * kernel makes
// every tap the only one of its phase, so that no kernel multiplies zeros around the one input. Unchanged where the
// numbers would grow too large.
inline Axis<int64_t> one_position_axis(const Axis<int64_t> &axis, int64_t out, int64_t pad_after) {
    Axis<int64_t> spread = axis;
    bool fits = checked_multiply(axis.dilation, axis.kernel, spread.stride) && spread.stride <= INT32_MAX &&
                coordinates_fit(spread, out, 1, pad_after) && phases_fit(spread);
    return fits && axis.kernel > axis.stride ? spread : axis;
}

// How frameworks word the padding of an axis. conv_padding and conv_transpose_padding turn each into numbers.
enum class PaddingWord {
    kExplicit,         // the given pad_before and pad_after: PyTorch, Theano's int and tuple
    kOnnxNotset,       // ONNX auto_pad: kExplicit, but output_shape overrides the given padding
    kOnnxSameUpper,    // ONNX auto_pad: conv out = ceil(in / stride), transpose out = in * stride, extra at the end
    kOnnxSameLower,    // the same, extra at the beginning
    kOnnxValid,        // ONNX auto_pad: none
    kTensorflowSame,   // TensorFlow and Keras; conv_transpose is the gradient of the conv whose input is the output
    kTensorflowValid,  // likewise
    kValid,            // Theano and PyTorch: none
    kFull,             // Theano: span - 1 on both sides
    kHalf,             // Theano: floor(span / 2) on both sides
    kTorchSame,        // PyTorch: conv of stride 1 with out = in, extra at the end
};

// One axis with its padding as a framework words it.
struct PaddingRequest {
    PaddingWord word;
    Axis<int64_t> axis;                     // pad_before counts for kExplicit and kOnnxNotset only
    int64_t pad_after;                      // likewise
    int64_t in;                             // the input's size
    std::optional<int64_t> output_padding;  // conv_transpose, where given
    std::optional<int64_t> output_size;     // conv_transpose, where given
};

struct AxisPadding {
    int64_t pad_before, pad_after, output_padding;
};

// `padding` where `error` is null; else `error` says in a few words what is wrong.
struct PaddingResult {
    AxisPadding padding;
    const char *error;
};

// `total` on two sides, the odd one at the end or at the beginning. Of a negative total, all is at the end.
inline AxisPadding split_padding(int64_t total, bool extra_at_end) {
    int64_t positive = Arithmetic<int64_t>::max(total, 0), smaller = positive / 2;
    int64_t before = extra_at_end ? smaller : positive - smaller;
    return {before, total - before, 0};
}

// The padding of `high` with which the window of the last low position ends where the padded grid ends, at least 0.
inline int64_t same_padding(const Axis<int64_t> &axis, int64_t high, int64_t low) {
    return Arithmetic<int64_t>::max((low - 1) * axis.stride + kernel_span(axis) - high, 0);
}

// SAME: low = ceil(high / stride).
inline int64_t same_low_size(const Axis<int64_t> &axis, int64_t high) {
    return Arithmetic<int64_t>::floor_div(high + axis.stride - 1, axis.stride);
}

// The error of a number that no layer can have, or null. Behind it no formula below overflows.
inline const char *request_error(const PaddingRequest &request) {
    for (int64_t count : {request.in, request.axis.kernel, request.axis.stride, request.axis.dilation,
                          request.output_size.value_or(1)}) {
        if (count < 1 || count > INT32_MAX) {
            return "a size, kernel, stride or dilation is below 1 or above 2^31 - 1";
        }
    }
    for (int64_t pad : {request.axis.pad_before, request.pad_after}) {
        if (pad < -INT32_MAX || pad > INT32_MAX) {
            return "a padding is beyond 2^31 - 1";
        }
    }
    return nullptr;
}

// The paddings that do not depend on the sizes.
inline AxisPadding fixed_padding(const PaddingRequest &request) {
    int64_t span = kernel_span(request.axis);
    switch (request.word) {
    case PaddingWord::kExplicit:
    case PaddingWord::kOnnxNotset:
        return {request.axis.pad_before, request.pad_after, 0};
    case PaddingWord::kFull:
        return {span - 1, span - 1, 0};
    case PaddingWord::kHalf:
        return {span / 2, span / 2, 0};
    default:
        return {0, 0, 0};
    }
}

// The padding of a conv's axis.
inline PaddingResult conv_padding(const PaddingRequest &request) {
    if (const char *error = request_error(request)) {
        return {{}, error};
    }
    if (request.output_size || request.output_padding.value_or(0) != 0) {
        return {{}, "output_shape and output_padding belong to conv_transpose"};
    }
    AxisPadding padding = fixed_padding(request);
    switch (request.word) {
    case PaddingWord::kTorchSame:
        if (request.axis.stride != 1) {
            return {{}, "'same' (PyTorch's) needs stride 1; 'SAME' is TensorFlow's"};
        }
        [[fallthrough]];
    case PaddingWord::kTensorflowSame:
    case PaddingWord::kOnnxSameUpper:
    case PaddingWord::kOnnxSameLower: {
        int64_t total = same_padding(request.axis, request.in, same_low_size(request.axis, request.in));
        padding = split_padding(total, request.word != PaddingWord::kOnnxSameLower);
        break;
    }
    default:
        break;
    }
    Axis<int64_t> axis = request.axis;
    axis.pad_before = padding.pad_before;
    bool fits = conv_output_size(axis, request.in, padding.pad_after) >= 1;
    return {padding, fits ? nullptr : "no output remains: the kernel is larger than the padded input"};
}

// ONNX ConvTranspose with auto_pad SAME_UPPER or SAME_LOWER, or with output_shape:
//     total = stride * (in - 1) + output_padding + span - out,  out = in * stride where there is no output_shape.
// The specification leaves a negative total open. As in ONNX Runtime, output_shape then adds positions at the end that
// no input reaches, and auto_pad alone pads nothing (ONNX's shape inference agrees).
inline AxisPadding onnx_transpose_padding(const PaddingRequest &request) {
    Axis<int64_t> axis = request.axis;
    axis.pad_before = 0;
    int64_t output_padding = request.output_padding.value_or(0);
    int64_t whole = conv_transpose_output_size(axis, request.in, int64_t(0), output_padding);
    int64_t total = request.output_size ? whole - *request.output_size
                                        : Arithmetic<int64_t>::max(whole - request.in * axis.stride, 0);
    AxisPadding padding = split_padding(total, request.word == PaddingWord::kOnnxSameUpper);
    padding.output_padding = output_padding;
    return padding;
}

// TensorFlow's conv_transpose is the gradient of the conv that maps its output to its input, so that `out` may be any
// size that this conv maps to `in`. Without output_shape, Keras chooses (keras/src/backend/common/backend_utils.py):
//     no output_padding:  SAME out = in * stride,  VALID out = in * stride + max(span - stride, 0)
//     output_padding:     out = (in - 1) * stride + span - 2 * pad + output_padding,  pad = SAME ? floor(span / 2) : 0
inline PaddingResult tensorflow_transpose_padding(const PaddingRequest &request) {
    Axis<int64_t> axis = request.axis;
    axis.pad_before = 0;
    bool same = request.word == PaddingWord::kTensorflowSame;
    int64_t span = kernel_span(axis), out;
    if (request.output_size) {
        out = *request.output_size;
    } else if (request.output_padding) {
        if (*request.output_padding >= axis.stride) {
            return {{}, "Keras needs output_padding < stride"};
        }
        int64_t pad = same ? span / 2 : 0;
        out = conv_transpose_output_size(axis, request.in, 2 * pad, *request.output_padding);
    } else {
        out = request.in * axis.stride + (same ? 0 : Arithmetic<int64_t>::max(span - axis.stride, 0));
    }
    int64_t low = same ? same_low_size(axis, out) : conv_output_size(axis, out, int64_t(0));
    if (out < 1 || low != request.in) {
        return {{}, "TensorFlow's conv with this padding does not map this output size to the input's"};
    }
    AxisPadding padding = same ? split_padding(same_padding(axis, out, request.in), true) : AxisPadding{0, 0, 0};
    axis.pad_before = padding.pad_before;
    padding.output_padding = out - conv_transpose_output_size(axis, request.in, padding.pad_after, int64_t(0));
    return {padding, nullptr};
}

// Paddings that are known before the output's size: output_size takes the place of output_padding.
inline PaddingResult fixed_transpose_padding(const PaddingRequest &request) {
    AxisPadding padding = fixed_padding(request);
    Axis<int64_t> axis = request.axis;
    axis.pad_before = padding.pad_before;
    int64_t smallest = conv_transpose_output_size(axis, request.in, padding.pad_after, int64_t(0));
    padding.output_padding = request.output_size ? *request.output_size - smallest : request.output_padding.value_or(0);
    if (!output_padding_fits(axis, padding.output_padding)) {
        return {{}, "output_shape is not among the max(stride, dilation) sizes that the padding allows"};
    }
    bool fits = smallest + padding.output_padding >= 1;
    return {padding, fits ? nullptr : "no output remains: the padding crops all of it"};
}

// The padding of a conv_transpose's axis.
inline PaddingResult conv_transpose_padding(const PaddingRequest &request) {
    if (const char *error = request_error(request)) {
        return {{}, error};
    }
    if (!output_padding_fits(request.axis, request.output_padding.value_or(0))) {
        return {{}, "output_padding must be at least 0 and below max(stride, dilation)"};
    }
    switch (request.word) {
    case PaddingWord::kOnnxSameUpper:
    case PaddingWord::kOnnxSameLower:
        return {onnx_transpose_padding(request), nullptr};
    case PaddingWord::kOnnxNotset:
    case PaddingWord::kOnnxValid:
        if (request.output_size) {
            return {onnx_transpose_padding(request), nullptr};
        }
        return fixed_transpose_padding(request);
    case PaddingWord::kTorchSame:
        return {{}, "'same' (PyTorch's) is for conv; 'SAME' is TensorFlow's"};
    default:
        break;
    }
    if (request.output_size && request.output_padding) {
        return {{}, "output_shape and output_padding exclude each other"};
    }
    bool tensorflow = request.word == PaddingWord::kTensorflowSame || request.word == PaddingWord::kTensorflowValid;
    return tensorflow ? tensorflow_transpose_padding(request) : fixed_transpose_padding(request);
}

}  // namespace halconv
