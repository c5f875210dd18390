// LAYERS arguments: which file holds them, and which of them are wanted.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "tools/layer.h"
#include "tools/layer_object.h"
#include "tools/onnx_import.h"

namespace halconv {
namespace {

std::string read_text(const std::string &path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        throw InputError(fmt::format("{}: is a folder, not a layer list", path));
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw InputError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// One layer a line; blank lines and lines that begin with # say nothing.
std::vector<Layer> read_list(const std::string &path) {
    std::istringstream lines(read_text(path));
    std::vector<Layer> layers;
    std::map<std::string, int> line_of_name;
    std::string text;
    for (int line = 1; std::getline(lines, text); line++) {
        size_t begin = text.find_first_not_of(" \t\r");
        if (begin == std::string::npos || text[begin] == '#') {
            continue;
        }
        std::string place = fmt::format("{}:{}", path, line);
        layers.push_back(parse_layer(text, [&](const std::string &) { return place; }));
        auto [first, is_new] = line_of_name.emplace(layers.back().name, line);
        if (!is_new) {
            throw InputError(
                fmt::format("{}: key \"name\" repeats \"{}\" of line {}", place, first->first, first->second));
        }
    }
    if (layers.empty()) {
        throw InputError(fmt::format("{}: holds no layer", path));
    }
    return layers;
}

// A file with one object, on any number of lines.
Layer read_object(const std::string &path) {
    std::string text = read_text(path);
    return parse_layer(text, [&](const std::string &key) {
        size_t at = key.empty() ? text.find('{') : text.find('"' + key + '"');
        auto end = text.begin() + int64_t(at == std::string::npos ? 0 : at);
        return fmt::format("{}:{}", path, 1 + std::count(text.begin(), end, '\n'));
    });
}

std::vector<Layer> read_model(const std::string &path, const Remark &remark) {
    std::vector<Layer> layers;
    for (OnnxLayer &imported : import_onnx(path, remark, OnnxValues::kSkip)) {
        layers.push_back(std::move(imported.layer));
    }
    if (layers.empty()) {
        throw InputError(fmt::format("{}: no Conv or ConvTranspose node can be imported", path));
    }
    return layers;
}

// Keeps the layer called `name`; quotes up to kMostNames others where there is none.
void select_layer(std::vector<Layer> &layers, const std::string &path, const std::string &name) {
    auto found = std::find_if(layers.begin(), layers.end(), [&](const Layer &layer) { return layer.name == name; });
    if (found != layers.end()) {
        layers = {*found};
        return;
    }
    constexpr size_t kMostNames = 8;
    std::string names;
    for (size_t i = 0; i < std::min(layers.size(), kMostNames); i++) {
        names += (i ? ", " : "") + layers[i].name;
    }
    throw InputError(fmt::format("{}: no layer is called \"{}\"; layers are {}{}", path, name, names,
                                 layers.size() > kMostNames ? ", .." : ""));
}

std::vector<Layer> read_file(const std::string &path, const Remark &remark) {
    std::string extension = std::filesystem::path(path).extension().string();
    if (extension == ".onnx") {
        return read_model(path, remark);
    }
    if (extension == ".json") {
        return {read_object(path)};
    }
    if (extension == ".jsonl") {
        return read_list(path);
    }
    throw InputError(
        fmt::format("{}: layers are read from .jsonl (layer list), .json (one layer) and .onnx files", path));
}

}  // namespace

std::pair<std::string, std::string> split_layer_argument(const std::string &argument) {
    std::error_code error;
    size_t hash = argument.find('#');
    if (hash == std::string::npos || std::filesystem::exists(argument, error)) {
        return {argument, ""};
    }
    return {argument.substr(0, hash), argument.substr(hash + 1)};
}

std::vector<Layer> load_layers(const std::vector<std::string> &arguments, const Remark &remark) {
    std::vector<Layer> layers;
    for (const std::string &argument : arguments) {
        auto [path, name] = split_layer_argument(argument);
        std::vector<Layer> read = read_file(path, remark);
        if (path != argument) {
            select_layer(read, path, name);
        }
        std::move(read.begin(), read.end(), std::back_inserter(layers));
    }
    return layers;
}

Layer load_layer(const std::string &argument, const Remark &remark) {
    std::vector<Layer> layers = load_layers({argument}, remark);
    if (layers.size() != 1) {
        throw InputError(fmt::format("{}: holds {} layers; choose one, e.g. {}#{}", argument, layers.size(), argument,
                                     layers[0].name));
    }
    return layers[0];
}

}  // namespace halconv
