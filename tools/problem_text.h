// Words for the fields of a problem, and in words what is wrong with one.
#pragma once

#include <optional>
#include <string>

#include "halconv/halconv.h"

namespace halconv {

// A value of an enumeration and its word in layer lists and options.
struct Word {
    const char *text;
    int value;
};

// The rows of each enumeration; every list ends with a null text.
extern const Word kOpWords[];             // conv, conv_transpose
extern const Word kDtypeWords[];          // f32
extern const Word kLayoutWords[];         // nhwc, nchw
extern const Word kActivationWords[];     // linear, relu, ..
extern const Word kNumericsWords[];       // default, strict, fast
extern const Word kWeightsLayoutWords[];  // oihw, ..

std::optional<int> find_word(const Word *words, const std::string &text);
const char *word_of(const Word *words, int value);  // "?" for a value that has none
std::string words_text(const Word *words);          // "conv, conv_transpose"

// Why check_problem rejects `problem`: one line in terms of the layer list's keys.
std::string problem_fault(const halconv_problem &problem);

}  // namespace halconv
