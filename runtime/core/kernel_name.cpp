#include "runtime/core/kernel_name.h"

#include <charconv>
#include <vector>

#include "halconv/halconv.h"

namespace halconv {

namespace {

// A word of the grammar and the key's value that it stands for.
struct Word {
    const char *text;
    int32_t value;
};

constexpr Word kOps[] = {{"conv", HALCONV_CONV}, {"conv_transpose", HALCONV_CONV_TRANSPOSE}};
constexpr Word kTypes[] = {{"f32", HALCONV_F32}};
constexpr Word kLayouts[] = {{"nhwc", HALCONV_NHWC}, {"nchw", HALCONV_NCHW}};
constexpr Word kActivations[] = {{"tanh", HALCONV_TANH},
                                 {"sigmoid", HALCONV_SIGMOID},
                                 {"silu", HALCONV_SILU},
                                 {"gelu", HALCONV_GELU},
                                 {"anyact", HALCONV_FREE}};
constexpr Word kPiecewise[] = {
    {"linear", HALCONV_LINEAR}, {"relu", HALCONV_RELU}, {"clamp", HALCONV_CLAMP}, {"leaky", HALCONV_LEAKY_RELU}};
constexpr Word kResiduals[] = {{"res", 1}, {"anyres", HALCONV_FREE}};

// A pin with a value for each axis; `unit` is its value on an axis that the rank lacks.
struct AxisPin {
    const char *prefix;
    int32_t (halconv_key::*values)[3];
    int32_t unit;
};
constexpr AxisPin kAxisPins[] = {{"k", &halconv_key::kernel, 1},   {"s", &halconv_key::stride, 1},
                                 {"d", &halconv_key::dilation, 1}, {"p", &halconv_key::pad_before, 0},
                                 {"i", &halconv_key::in, 1},       {"o", &halconv_key::out, 1}};

struct ScalarPin {
    const char *prefix;
    int32_t halconv_key::*value;
};
constexpr ScalarPin kScalarPins[] = {{"n", &halconv_key::batch},
                                     {"g", &halconv_key::groups},
                                     {"ci", &halconv_key::group_in},
                                     {"co", &halconv_key::group_out}};

template <int count> std::string word_of(const Word (&words)[count], int32_t value) {
    for (const Word &word : words) {
        if (word.value == value) {
            return word.text;
        }
    }
    return "";
}

template <int count> bool read_word(const Word (&words)[count], std::string_view text, int32_t &value) {
    for (const Word &word : words) {
        if (word.text == text) {
            value = word.value;
            return true;
        }
    }
    return false;
}

std::string number(int32_t value) {
    if (value == HALCONV_FREE) {
        return "F";
    }
    return value < 0 ? "m" + std::to_string(-int64_t(value)) : std::to_string(value);
}

bool read_number(std::string_view text, int32_t &value) {
    if (text == "F") {
        value = HALCONV_FREE;
        return true;
    }
    bool negative = !text.empty() && text[0] == 'm';
    text.remove_prefix(negative);
    if (text.empty() || text[0] < '0' || text[0] > '9') {
        return false;
    }
    int32_t magnitude = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude);
    if (error != std::errc() || end != text.data() + text.size()) {
        return false;
    }
    value = negative ? -magnitude : magnitude;
    return true;
}

// The pieces of `text` between separators; at least one.
std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator)) {
        pieces.push_back(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    pieces.push_back(text);
    return pieces;
}

bool is_unit_axis(const halconv_key &key, int axis) {
    for (const AxisPin &pin : kAxisPins) {
        if ((key.*pin.values)[axis] != pin.unit) {
            return false;
        }
    }
    return true;
}

int rank_of(const halconv_key &key) { return !is_unit_axis(key, 0) ? 3 : !is_unit_axis(key, 1) ? 2 : 1; }

// "_k4x4_s2x2", or the rank where every quantity of its axes is free.
std::string axis_tokens(const halconv_key &key) {
    int rank = rank_of(key);
    std::string tokens;
    for (const AxisPin &pin : kAxisPins) {
        std::string values;
        bool pinned = false;
        for (int axis = 3 - rank; axis < 3; ++axis) {
            int32_t value = (key.*pin.values)[axis];
            pinned = pinned || value != HALCONV_FREE;
            values += (values.empty() ? "" : "x") + number(value);
        }
        if (pinned) {
            tokens += "_" + (pin.prefix + values);
        }
    }
    return tokens.empty() && rank < 3 ? "_r" + std::to_string(rank) : tokens;
}

// Makes the axes beyond `rank` units.
void set_rank(halconv_key &key, int rank) {
    for (const AxisPin &pin : kAxisPins) {
        for (int axis = 0; axis < 3 - rank; ++axis) {
            (key.*pin.values)[axis] = pin.unit;
        }
    }
}

bool read_axis_pin(std::string_view token, halconv_key &key) {
    for (const AxisPin &pin : kAxisPins) {
        if (token.substr(0, 1) != pin.prefix) {
            continue;
        }
        std::vector<std::string_view> values = split(token.substr(1), 'x');
        int rank = static_cast<int>(values.size());
        if (rank > 3) {
            return false;
        }
        set_rank(key, rank);
        for (int i = 0; i < rank; ++i) {
            if (!read_number(values[size_t(i)], (key.*pin.values)[3 - rank + i])) {
                return false;
            }
        }
        return true;
    }
    return false;
}

bool read_pin(std::string_view token, halconv_key &key) {
    if (read_word(kActivations, token, key.activation)) {
        key.piecewise = key.activation == HALCONV_FREE ? HALCONV_FREE : 0;
        return true;
    }
    if (read_word(kPiecewise, token, key.piecewise) || read_word(kResiduals, token, key.residual)) {
        return true;
    }
    if (token == "r1" || token == "r2") {
        set_rank(key, token[1] - '0');
        return true;
    }
    for (const ScalarPin &pin : kScalarPins) {
        std::string_view prefix = pin.prefix;
        if (token.substr(0, prefix.size()) == prefix) {
            return read_number(token.substr(prefix.size()), key.*pin.value);
        }
    }
    return read_axis_pin(token, key);
}

bool read_layouts(std::string_view token, halconv_key &key) {
    std::vector<std::string_view> layouts = split(token, '-');
    return layouts.size() <= 2 && read_word(kLayouts, layouts.front(), key.in_layout) &&
           read_word(kLayouts, layouts.back(), key.out_layout);
}

halconv_key free_key() {
    halconv_key key{};
    for (const AxisPin &pin : kAxisPins) {
        for (int32_t &value : key.*pin.values) {
            value = HALCONV_FREE;
        }
    }
    for (const ScalarPin &pin : kScalarPins) {
        key.*pin.value = HALCONV_FREE;
    }
    key.piecewise = HALCONV_FREE;
    return key;
}

// Whether `text` is not empty and consists of small letters, digits and characters of `more`.
bool is_plain(std::string_view text, std::string_view more) {
    for (char c : text) {
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && more.find(c) == std::string_view::npos) {
            return false;
        }
    }
    return !text.empty();
}

bool begins_with_digit(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }

// Target, form and tile: the tokens behind "on".
bool read_target(const std::vector<std::string_view> &tokens, size_t at, KernelName &name) {
    if (tokens.size() < at + 2 || !is_plain(tokens[at], "-")) {
        return false;
    }
    name.target = tokens[at];
    for (size_t i = at + 1; i < tokens.size(); ++i) {
        bool tile = i > at + 1 && i + 1 == tokens.size() && begins_with_digit(tokens[i]);
        if (!is_plain(tokens[i], "") || (!tile && begins_with_digit(tokens[i]))) {
            return false;
        }
        if (tile) {
            name.tile = tokens[i];
        } else {
            name.form += (name.form.empty() ? "" : "_") + std::string(tokens[i]);
        }
    }
    return true;
}

}  // namespace

std::string kernel_name(const KernelName &name) {
    const halconv_key &key = name.key;
    std::string text = "halconv_" + word_of(kOps, key.op) + "_" + word_of(kTypes, key.dtype);
    text += "_" + word_of(kLayouts, key.in_layout);
    if (key.out_layout != key.in_layout) {
        text += "-" + word_of(kLayouts, key.out_layout);
    }
    text += axis_tokens(key);
    for (const ScalarPin &pin : kScalarPins) {
        if (key.*pin.value != HALCONV_FREE) {
            text += "_" + (pin.prefix + number(key.*pin.value));
        }
    }
    std::string activation =
        key.activation == HALCONV_LINEAR ? word_of(kPiecewise, key.piecewise) : word_of(kActivations, key.activation);
    for (const std::string &word : {activation, word_of(kResiduals, key.residual)}) {
        text += word.empty() ? "" : "_" + word;
    }
    text += "_on_" + name.target + "_" + name.form;
    return name.tile.empty() ? text : text + "_" + name.tile;
}

std::optional<KernelName> parse_kernel_name(std::string_view text) {
    std::vector<std::string_view> tokens = split(text, '_');
    KernelName name{free_key(), "", "", ""};
    bool transpose = tokens.size() > 2 && tokens[1] == "conv" && tokens[2] == "transpose";
    size_t at = transpose ? 3 : 2;
    if (tokens.size() < at + 3 || tokens[0] != "halconv" ||
        !read_word(kOps, transpose ? "conv_transpose" : tokens[1], name.key.op) ||
        !read_word(kTypes, tokens[at], name.key.dtype) || !read_layouts(tokens[at + 1], name.key)) {
        return std::nullopt;
    }
    for (at += 2; at < tokens.size() && tokens[at] != "on"; ++at) {
        if (!read_pin(tokens[at], name.key)) {
            return std::nullopt;
        }
    }
    // The writer settles what the tokens leave open: their order, doubles, ranks that differ, leading zeros.
    if (!read_target(tokens, at + 1, name) || kernel_name(name) != text) {
        return std::nullopt;
    }
    return name;
}

std::string kernel_symbol(std::string_view name) {
    std::string symbol(name);
    for (char &c : symbol) {
        c = c == '-' ? '_' : c;
    }
    return symbol;
}

}  // namespace halconv
