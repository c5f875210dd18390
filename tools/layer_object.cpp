#include "tools/layer_object.h"

#include <cmath>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/core/padding.h"
#include "runtime/core/problem.h"
#include "tools/problem_text.h"

namespace halconv {
namespace {

using Json = nlohmann::ordered_json;

constexpr float kLeakyReluAlpha = 0.01f;  // PyTorch's and ONNX's default
constexpr float kRelu6Limit = 6.0f;

// A layout's spelling for each rank.
struct LayoutSpelling {
    const char *text;
    int rank;  // 0: any
    halconv_layout layout;
};
constexpr LayoutSpelling kLayoutSpellings[] = {
    {"nhwc", 0, HALCONV_NHWC}, {"nwc", 1, HALCONV_NHWC}, {"ndhwc", 3, HALCONV_NHWC},
    {"nchw", 0, HALCONV_NCHW}, {"ncw", 1, HALCONV_NCHW}, {"ncdhw", 3, HALCONV_NCHW},
};

class ObjectReader {
  public:
    ObjectReader(const std::string &text, const KeyPlace &place) : place_(place) {
        std::vector<std::set<std::string>> seen;  // keys of the open objects
        auto no_repeats = [&](int, Json::parse_event_t event, Json &parsed) {
            if (event == Json::parse_event_t::object_start) {
                seen.emplace_back();
            } else if (event == Json::parse_event_t::object_end) {
                seen.pop_back();
            } else if (event == Json::parse_event_t::key && !seen.back().insert(parsed.get<std::string>()).second) {
                fail(parsed.get<std::string>(), "appears twice");
            }
            return true;
        };
        try {
            object_ = Json::parse(text, no_repeats);
        } catch (const Json::parse_error &error) {
            throw InputError(fmt::format("{}: not valid JSON{}", place_(""), reason(error.what())));
        }
        if (!object_.is_object()) {
            throw InputError(fmt::format("{}: a layer is a JSON object, not {}", place_(""), object_.type_name()));
        }
    }

    Layer layer() {
        static const std::set<std::string> kKeys = {"name",     "op",       "n",           "ci",
                                                    "co",       "groups",   "in",          "kernel",
                                                    "stride",   "dilation", "pad",         "output_padding",
                                                    "dtype",    "layout",   "out_layout",  "epilogue",
                                                    "numerics", "resize",   "output_shape"};
        check_keys(object_, kKeys, "");
        Layer layer;
        halconv_problem &p = layer.problem;
        layer.source = place_("");
        layer.name = text("name");
        if (layer.name.empty()) {
            fail("name", "must not be empty");
        }
        p.op = halconv_op(word("op", kOpWords, std::nullopt));
        p.dtype = halconv_dtype(word("dtype", kDtypeWords, HALCONV_F32));
        p.batch = count("n", 1);
        p.in_channels = count("ci", std::nullopt);
        p.out_channels = count("co", std::nullopt);
        p.groups = count("groups", 1);
        p.rank = rank();
        axis_counts("in", std::nullopt, p.in);
        axis_counts("kernel", std::nullopt, p.kernel);
        axis_counts("stride", 1, p.stride);
        axis_counts("dilation", 1, p.dilation);
        p.in_layout = layout("layout", HALCONV_NHWC);
        p.out_layout = layout("out_layout", p.in_layout);
        layer.numerics = halconv_numerics(word("numerics", kNumericsWords, HALCONV_DEFAULT));
        static const Word kResizeWords[] = {{"none", 0}, {nullptr, 0}};
        word("resize", kResizeWords, 0);
        read_epilogue(p);
        read_padding(p);
        int64_t out[3];
        if (check_problem(p, out) != HALCONV_OK) {
            throw InputError(fmt::format("{}: layer {}: {}", place_(""), layer.name, problem_fault(p)));
        }
        return layer;
    }

  private:
    [[noreturn]] void fail(const std::string &key, const std::string &reason) const {
        throw InputError(fmt::format("{}: key \"{}\" {}", place_(key), key, reason));
    }

    // nlohmann's "[json.exception.parse_error.101] parse error at line 1, column 5: reason; last read: '..'".
    static std::string reason(const std::string &what) {
        size_t column = what.find("column "), end = what.rfind(": ", what.find("; last read"));
        size_t colon = what.find(':', column);
        if (column == std::string::npos || colon == std::string::npos || end == std::string::npos) {
            return "";
        }
        std::string rest = what.substr(colon + 2);
        for (char &c : rest) {
            c = c == '\n' ? ' ' : c;
        }
        return fmt::format(" at {}: {}", what.substr(column, colon - column), rest);
    }

    void check_keys(const Json &object, const std::set<std::string> &keys, const char *inside) const {
        for (const auto &[key, value] : object.items()) {
            if (!keys.count(key)) {
                fail(key, fmt::format("{}is unknown; known are {}", inside, fmt::join(keys, ", ")));
            }
        }
    }

    const Json *find(const std::string &key) const {
        auto found = object_.find(key);
        return found == object_.end() ? nullptr : &*found;
    }

    const Json &need(const std::string &key) const {
        const Json *value = find(key);
        if (!value) {
            throw InputError(fmt::format("{}: key \"{}\" is missing", place_(""), key));
        }
        return *value;
    }

    std::string text(const std::string &key) const {
        const Json &value = need(key);
        if (!value.is_string()) {
            fail(key, fmt::format("must be text, not {}", value.type_name()));
        }
        return value.get<std::string>();
    }

    int word(const std::string &key, const Word *words, std::optional<int> fallback) const {
        if (fallback && !find(key)) {
            return *fallback;
        }
        std::string given = text(key);
        std::optional<int> value = find_word(words, given);
        if (!value) {
            fail(key, fmt::format("\"{}\" is not supported; it can be: {}", given, words_text(words)));
        }
        return *value;
    }

    int64_t integer_of(const std::string &key, const Json &value) const {
        if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX)) {
            fail(key, fmt::format("is too large: {}", value.dump()));
        }
        if (!value.is_number_integer()) {
            fail(key,
                 fmt::format("must hold integers only, not {}", value.is_number() ? value.dump() : value.type_name()));
        }
        return value.get<int64_t>();
    }

    void check_count(const std::string &key, int64_t value) const {
        if (value < 1 || value > INT32_MAX) {
            fail(key, fmt::format("must lie between 1 and 2^31 - 1, not {}", value));
        }
    }

    int64_t count(const std::string &key, std::optional<int64_t> fallback) const {
        if (fallback && !find(key)) {
            return *fallback;
        }
        const Json &value = need(key);
        if (!value.is_number()) {
            fail(key, fmt::format("must be an integer, not {}", value.type_name()));
        }
        check_count(key, integer_of(key, value));
        return value.get<int64_t>();
    }

    // The number of spatial axes, from "in".
    int32_t rank() const {
        const Json &in = need("in");
        if (!in.is_array() || in.empty() || in.size() > 3) {
            fail("in", "must be an array of 1 to 3 integers, one for each spatial axis");
        }
        return int32_t(in.size());
    }

    void check_array(const std::string &key, const Json &value, size_t size, const char *what) const {
        if (!value.is_array() || value.size() != size) {
            fail(key, fmt::format("must be an array of {} {}, not {}", size, what,
                                  value.is_array() ? fmt::format("of {}", value.size()) : value.type_name()));
        }
    }

    void axes(const std::string &key, std::optional<int64_t> fallback, int64_t *values) const {
        size_t count = size_t(rank());
        if (fallback && !find(key)) {
            std::fill(values, values + count, *fallback);
            return;
        }
        const Json &array = need(key);
        check_array(key, array, count,
                    count == 1 ? "integer, for the axis of \"in\"" : "integers, one an axis of \"in\"");
        for (size_t a = 0; a < count; a++) {
            values[a] = integer_of(key, array[a]);
        }
    }

    void axis_counts(const std::string &key, std::optional<int64_t> fallback, int64_t *values) const {
        axes(key, fallback, values);
        for (int32_t a = 0; a < rank(); a++) {
            check_count(key, values[a]);  // NOLINT(clang-analyzer-core.CallAndMessage): axes() wrote it
        }
    }

    halconv_layout layout(const std::string &key, halconv_layout fallback) const {
        if (!find(key)) {
            return fallback;
        }
        std::string given = text(key);
        for (const LayoutSpelling &row : kLayoutSpellings) {
            if (given == row.text && (row.rank == 0 || row.rank == rank())) {
                return row.layout;
            }
        }
        fail(key, fmt::format("\"{}\" is not supported for rank {}; it can be: {}", given, rank(),
                              words_text(kLayoutWords)));
    }

    void read_padding(halconv_problem &p) const {
        PaddingSpec spec{PaddingWord::kExplicit, find("output_padding") != nullptr, nullptr};
        if (const Json *pad = find("pad"); pad && pad->is_string()) {
            std::optional<PaddingWord> word = parse_padding_word(pad->get<std::string>());
            if (!word) {
                fail("pad", fmt::format("{} is not a padding word; words are: {}", pad->dump(), padding_words()));
            }
            spec.word = *word;
        } else if (pad) {
            check_array("pad", *pad, size_t(p.rank), "pairs [before, after], one an axis");
            for (int a = 0; a < p.rank; a++) {
                const Json &pair = (*pad)[size_t(a)];
                check_array("pad", pair, 2, "integers [before, after]");
                p.pad_before[a] = integer_of("pad", pair[0]);
                p.pad_after[a] = integer_of("pad", pair[1]);
            }
        }
        axes("output_padding", 0, p.output_padding);
        int64_t output_shape[3];
        if (find("output_shape")) {
            axis_counts("output_shape", std::nullopt, output_shape);
            spec.output_size = output_shape;
        }
        if (PaddingError error = resolve_padding(spec, p); error.reason) {
            const char *key = spec.output_size ? "output_shape" : spec.output_padding_given ? "output_padding" : "pad";
            fail(key, fmt::format("on axis {}: {}", error.axis, error.reason));
        }
    }

    void read_epilogue(halconv_problem &p) const {
        const Json *epilogue = find("epilogue");
        if (!epilogue) {
            return;
        }
        if (!epilogue->is_string() && !epilogue->is_object()) {
            fail("epilogue",
                 fmt::format("must be the word of an activation or an object, not {}", epilogue->type_name()));
        }
        Json settings = epilogue->is_object() ? *epilogue : Json{{"activation", *epilogue}};
        check_keys(settings, {"activation", "alpha", "beta", "residual"}, "in \"epilogue\" ");
        std::string activation = "linear";
        if (auto given = settings.find("activation"); given != settings.end()) {
            if (!given->is_string()) {
                fail("epilogue", "needs the word of an activation under \"activation\"");
            }
            activation = given->get<std::string>();
        }
        if (auto residual = settings.find("residual"); residual != settings.end()) {
            if (!residual->is_boolean()) {
                fail("epilogue", "needs true or false under \"residual\"");
            }
            p.residual = residual->get<bool>();
        }
        read_activation(activation, settings, p);
    }

    void read_activation(const std::string &activation, const Json &settings, halconv_problem &p) const {
        bool relu6 = activation == "relu6";
        std::optional<int> value = relu6 ? HALCONV_CLAMP : find_word(kActivationWords, activation);
        if (!value) {
            fail("epilogue", fmt::format("\"{}\" is not an activation; it can be: {}, relu6", activation,
                                         words_text(kActivationWords)));
        }
        p.activation = halconv_activation(*value);
        bool clamp = p.activation == HALCONV_CLAMP && !relu6, leaky = p.activation == HALCONV_LEAKY_RELU;
        p.alpha = parameter(settings, "alpha", activation, clamp || leaky,
                            leaky ? std::optional(kLeakyReluAlpha) : std::nullopt);
        p.beta = parameter(settings, "beta", activation, clamp, std::nullopt);
        if (relu6) {
            p.beta = kRelu6Limit;
        }
    }

    // A parameter of an activation that may (`used`) or must (without a fallback) have it; 0 where it does not.
    float parameter(const Json &settings, const char *key, const std::string &activation, bool used,
                    std::optional<float> fallback) const {
        auto given = settings.find(key);
        if (given == settings.end()) {
            if (used && !fallback) {
                fail("epilogue", fmt::format("activation {} needs \"{}\"", activation, key));
            }
            return fallback.value_or(0.0f);
        }
        if (!used) {
            fail("epilogue", fmt::format("activation {} has no \"{}\"", activation, key));
        }
        if (!given->is_number() || !std::isfinite(given->get<float>())) {
            fail("epilogue", fmt::format("needs a finite number under \"{}\"", key));
        }
        return given->get<float>();
    }

    const KeyPlace &place_;
    Json object_;
};

// The double that prints as short as the float does.
double short_number(float value) { return std::stod(fmt::format("{}", value)); }

Json axis_values(const halconv_problem &p, const int64_t *values) {
    return Json(std::vector<int64_t>(values, values + p.rank));
}

}  // namespace

Layer parse_layer(const std::string &text, const KeyPlace &place) { return ObjectReader(text, place).layer(); }

std::string layer_json(const Layer &layer) {
    const halconv_problem &p = layer.problem;
    Json object;
    object["name"] = layer.name;
    object["op"] = word_of(kOpWords, p.op);
    object["n"] = p.batch;
    object["ci"] = p.in_channels;
    object["co"] = p.out_channels;
    object["groups"] = p.groups;
    object["in"] = axis_values(p, p.in);
    object["kernel"] = axis_values(p, p.kernel);
    object["stride"] = axis_values(p, p.stride);
    object["dilation"] = axis_values(p, p.dilation);
    object["pad"] = Json::array();
    for (int a = 0; a < p.rank; a++) {
        object["pad"].push_back({p.pad_before[a], p.pad_after[a]});
    }
    object["output_padding"] = axis_values(p, p.output_padding);
    object["dtype"] = word_of(kDtypeWords, p.dtype);
    object["layout"] = word_of(kLayoutWords, p.in_layout);
    object["out_layout"] = word_of(kLayoutWords, p.out_layout);
    Json epilogue;
    epilogue["activation"] = word_of(kActivationWords, p.activation);
    if (p.activation == HALCONV_CLAMP || p.activation == HALCONV_LEAKY_RELU) {
        epilogue["alpha"] = short_number(p.alpha);
    }
    if (p.activation == HALCONV_CLAMP) {
        epilogue["beta"] = short_number(p.beta);
    }
    epilogue["residual"] = p.residual != 0;
    object["epilogue"] = epilogue;
    object["numerics"] = word_of(kNumericsWords, layer.numerics);
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace halconv
