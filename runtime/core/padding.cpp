#include "runtime/core/padding.h"

namespace halconv {

namespace {

struct WordRow {
    std::string_view text;
    PaddingWord word;
};

constexpr WordRow kLayerListWords[] = {
    {"SAME", PaddingWord::kTensorflowSame},
    {"VALID", PaddingWord::kTensorflowValid},
    {"SAME_UPPER", PaddingWord::kOnnxSameUpper},
    {"SAME_LOWER", PaddingWord::kOnnxSameLower},
    {"NOTSET", PaddingWord::kOnnxNotset},
    {"valid", PaddingWord::kValid},
    {"full", PaddingWord::kFull},
    {"half", PaddingWord::kHalf},
    {"same", PaddingWord::kTorchSame},
};

constexpr WordRow kOnnxWords[] = {
    {"NOTSET", PaddingWord::kOnnxNotset},
    {"SAME_UPPER", PaddingWord::kOnnxSameUpper},
    {"SAME_LOWER", PaddingWord::kOnnxSameLower},
    {"VALID", PaddingWord::kOnnxValid},
};

template <int count> std::optional<PaddingWord> find_word(const WordRow (&rows)[count], std::string_view text) {
    for (const WordRow &row : rows) {
        if (row.text == text) {
            return row.word;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<PaddingWord> parse_padding_word(std::string_view text) { return find_word(kLayerListWords, text); }

std::optional<PaddingWord> parse_onnx_auto_pad(std::string_view text) { return find_word(kOnnxWords, text); }

const char *padding_words() { return "SAME, VALID, SAME_UPPER, SAME_LOWER, NOTSET, valid, full, half, same"; }

PaddingError resolve_padding(const PaddingSpec &spec, halconv_problem &problem) {
    AxisPadding resolved[3];
    for (int a = 0; a < problem.rank; ++a) {
        PaddingRequest request{spec.word,
                               {problem.kernel[a], problem.stride[a], problem.dilation[a], problem.pad_before[a]},
                               problem.pad_after[a],
                               problem.in[a],
                               std::nullopt,
                               std::nullopt};
        if (spec.output_padding_given) {
            request.output_padding = problem.output_padding[a];
        }
        if (spec.output_size) {
            request.output_size = spec.output_size[a];
        }
        PaddingResult result = problem.op == HALCONV_CONV ? conv_padding(request) : conv_transpose_padding(request);
        if (result.error) {
            return {result.error, a};
        }
        resolved[a] = result.padding;
    }
    for (int a = 0; a < problem.rank; ++a) {
        problem.pad_before[a] = resolved[a].pad_before;
        problem.pad_after[a] = resolved[a].pad_after;
        problem.output_padding[a] = resolved[a].output_padding;
    }
    return {nullptr, 0};
}

}  // namespace halconv
