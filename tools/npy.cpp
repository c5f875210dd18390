#include "tools/npy.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "tools/layer.h"

namespace halconv {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
constexpr size_t kPreambleBytes = 10;          // magic, version (2 bytes), header length (2 bytes) of version 1
constexpr size_t kHeaderAlignment = 64;        // the data starts at a multiple of it
constexpr uint32_t kMaxHeaderBytes = 1 << 16;  // a header of three keys is far shorter

[[noreturn]] void fail(const std::filesystem::path &path, const std::string &reason) {
    throw InputError(fmt::format("{}: {}", path.string(), reason));
}

// The header is the text of a Python dict with exactly the keys 'descr', 'fortran_order' and 'shape'.
class HeaderParser {
  public:
    explicit HeaderParser(const std::string &text) : text_(text) {}

    // False where the text is not such a dict.
    bool parse() {
        if (!take('{'))
            return false;
        while (!take('}')) {
            std::optional<std::string> key = quoted();
            if (!key || !take(':') || !value(*key))
                return false;
            if (!take(',') && peek() != '}')
                return false;
        }
        return peek() == '\0' && descr && fortran_order && shape;
    }

    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<int64_t>> shape;

  private:
    char peek() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])))
            at_++;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(char c) {
        if (peek() != c)
            return false;
        at_++;
        return true;
    }
    bool take_word(const char *word) {
        peek();
        size_t length = std::strlen(word);
        if (text_.compare(at_, length, word) != 0)
            return false;
        at_ += length;
        return true;
    }
    std::optional<std::string> quoted() {
        char quote = peek();
        if (quote != '\'' && quote != '"')
            return std::nullopt;
        size_t end = text_.find(quote, at_ + 1);
        if (end == std::string::npos)
            return std::nullopt;
        std::string word = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return word;
    }
    std::optional<int64_t> integer() {
        peek();
        size_t digits = text_.find_first_not_of("0123456789", at_);
        size_t length = (digits == std::string::npos ? text_.size() : digits) - at_;
        if (length == 0 || length > 18)
            return std::nullopt;
        int64_t number = std::stoll(text_.substr(at_, length));
        at_ += length;
        return number;
    }
    bool value(const std::string &key) {
        if (key == "descr") {
            if (peek() == '[') {  // a record type: no number
                descr = "record";
                at_ = text_.find("],", at_);
                if (at_ == std::string::npos)
                    return false;
                return take(']');
            }
            descr = quoted();
            return descr.has_value();
        }
        if (key == "fortran_order") {
            if (take_word("True"))
                fortran_order = true;
            else if (take_word("False"))
                fortran_order = false;
            return fortran_order.has_value();
        }
        return key == "shape" && tuple();
    }
    bool tuple() {
        if (!take('('))
            return false;
        shape.emplace();
        while (!take(')')) {
            std::optional<int64_t> number = integer();
            if (!number)
                return false;
            shape->push_back(*number);
            if (!take(',') && peek() != ')')
                return false;
        }
        return true;
    }

    const std::string &text_;
    size_t at_ = 0;
};

// Reads magic, version and header text; leaves the stream at the first element.
std::string read_header(std::ifstream &file, const std::filesystem::path &path) {
    char preamble[8] = {};
    if (!file.read(preamble, sizeof preamble) || std::memcmp(preamble, kMagic, kMagicBytes) != 0) {
        fail(path, "not a .npy file");
    }
    int version = static_cast<unsigned char>(preamble[6]);
    if (version < 1 || version > 3)
        fail(path, fmt::format("version {} of the .npy format is not known", version));
    unsigned char bytes[4] = {};
    if (!file.read(reinterpret_cast<char *>(bytes), version == 1 ? 2 : 4))
        fail(path, "truncated header");
    uint32_t length = bytes[0] | uint32_t(bytes[1]) << 8 | uint32_t(bytes[2]) << 16 | uint32_t(bytes[3]) << 24;
    if (length > kMaxHeaderBytes)
        fail(path, fmt::format("header of {} bytes is not plausible", length));
    std::string header(length, '\0');
    if (!file.read(header.data(), length))
        fail(path, "truncated header");
    return header;
}

// prod(shape), or nothing where its bytes exceed what a vector can hold.
std::optional<int64_t> element_count(const std::vector<int64_t> &shape) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / int64_t(sizeof(float));
    int64_t count = 1;
    for (int64_t extent : shape) {
        if (extent != 0 && count > kMost / extent)
            return std::nullopt;
        count *= extent;
    }
    return count;
}

std::string header_of(const std::vector<int64_t> &shape) {
    std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}", shape_text(shape));
    while ((kPreambleBytes + header.size() + 1) % kHeaderAlignment != 0)
        header += ' ';
    return header + '\n';
}

}  // namespace

std::string shape_text(const std::vector<int64_t> &shape) {
    return shape.size() == 1 ? fmt::format("({},)", shape[0]) : fmt::format("({})", fmt::join(shape, ", "));
}

NpyArray read_npy(const std::filesystem::path &path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        fail(path, "is a folder, not a .npy file");
    std::ifstream file(path, std::ios::binary);
    if (!file)
        fail(path, fmt::format("cannot be read: {}", std::strerror(errno)));
    std::string text = read_header(file, path);
    HeaderParser header(text);
    if (!header.parse())
        fail(path, "malformed .npy header");
    if (*header.descr != "<f4")
        fail(path, fmt::format("element type '{}'; needs float32 ('<f4')", *header.descr));
    std::optional<int64_t> count = element_count(*header.shape);
    if (!count)
        fail(path, fmt::format("shape {} is too large", shape_text(*header.shape)));
    bool one_axis = header.shape->size() < 2;
    if (*header.fortran_order && !one_axis)
        fail(path, "Fortran order; save numpy.ascontiguousarray(a) instead");

    int64_t begin = file.tellg();
    int64_t bytes = file.seekg(0, std::ios::end).tellg() - std::streampos(begin);
    int64_t expected = *count * int64_t(sizeof(float));
    if (bytes != expected) {
        fail(path,
             fmt::format("holds {} bytes of data where shape {} needs {}", bytes, shape_text(*header.shape), expected));
    }
    NpyArray array{*header.shape, std::vector<float>(size_t(*count))};
    file.seekg(begin);
    if (!file.read(reinterpret_cast<char *>(array.data.data()), expected))
        fail(path, "could not be read to its end");
    return array;
}

void write_npy(const std::filesystem::path &path, const std::vector<int64_t> &shape, const float *data) {
    std::filesystem::path temporary = path;
    temporary += fmt::format(".{}.part", getpid());
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    if (!file)
        fail(path, fmt::format("cannot be written: {}", std::strerror(errno)));
    std::string header = header_of(shape);
    char length[2] = {char(header.size() & 0xff), char(header.size() >> 8)};
    int64_t count = element_count(shape).value_or(0);
    file.write(kMagic, kMagicBytes).write("\1\0", 2).write(length, 2).write(header.data(), int64_t(header.size()));
    file.write(reinterpret_cast<const char *>(data), count * int64_t(sizeof(float)));
    file.close();
    std::error_code error;
    if (file)
        std::filesystem::rename(temporary, path, error);
    if (!file || error) {
        std::string reason = error ? error.message() : "the write failed (disk full?)";
        std::filesystem::remove(temporary, error);
        throw WorkError(fmt::format("{}: {}", path.string(), reason));
    }
}

}  // namespace halconv
