#include "tools/npy.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/scratch.h"
#include "tools/layer.h"

using namespace halconv;
using Catch::Matchers::Contains;

namespace {

// A file as NumPy lays it out: magic, version, header length (2 bytes in version 1, else 4), header, data.
std::string npy_bytes(int version, std::string header, const std::string &data) {
    size_t preamble = version == 1 ? 10 : 12;
    while ((preamble + header.size() + 1) % 64 != 0) {
        header += ' ';
    }
    header += '\n';
    std::string bytes = "\x93NUMPY";
    bytes += char(version);
    bytes += '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); i++) {
        bytes += char(header.size() >> (8 * i) & 0xff);
    }
    return bytes + header + data;
}

std::string float_bytes(const std::vector<float> &values) {
    return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
}

std::string header(const std::string &descr, const std::string &fortran, const std::string &shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

const std::vector<float> kSix = {0, 1, 2, 3, 4, -5.5f};

}  // namespace

TEST_CASE("every version of the format is read") {
    Scratch scratch;
    for (int version : {1, 2, 3}) {
        std::string path =
            scratch.write("a.npy", npy_bytes(version, header("<f4", "False", "(2, 3)"), float_bytes(kSix)));
        NpyArray array = read_npy(path);
        CHECK(array.shape == std::vector<int64_t>{2, 3});
        CHECK(array.data == kSix);
    }
}

TEST_CASE("shapes of zero and one axis") {
    Scratch scratch;
    std::string one = scratch.write("1.npy", npy_bytes(1, header("<f4", "False", "(6,)"), float_bytes(kSix)));
    CHECK(read_npy(one).shape == std::vector<int64_t>{6});
    std::string scalar = scratch.write("0.npy", npy_bytes(1, header("<f4", "False", "()"), float_bytes({7})));
    CHECK(read_npy(scalar).shape.empty());
    CHECK(read_npy(scalar).data == std::vector<float>{7});
    std::string empty = scratch.write("e.npy", npy_bytes(1, header("<f4", "False", "(0, 3)"), ""));
    CHECK(read_npy(empty).data.empty());
    // One axis is in both orders at once.
    std::string fortran = scratch.write("f.npy", npy_bytes(1, header("<f4", "True", "(6,)"), float_bytes(kSix)));
    CHECK(read_npy(fortran).data == kSix);
}

TEST_CASE("what is written is read back, and is laid out as NumPy does") {
    Scratch scratch;
    std::string path = scratch / "a.npy";
    write_npy(path, {1, 2, 3}, kSix.data());
    NpyArray array = read_npy(path);
    CHECK(array.shape == std::vector<int64_t>{1, 2, 3});
    CHECK(array.data == kSix);
    std::ifstream file(path, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    CHECK(bytes == npy_bytes(1, header("<f4", "False", "(1, 2, 3)"), float_bytes(kSix)));
}

TEST_CASE("what cannot be used is refused in one line that names the file") {
    Scratch scratch;
    std::string good = npy_bytes(1, header("<f4", "False", "(2, 3)"), float_bytes(kSix));
    const struct {
        std::string bytes;
        const char *reason;
    } files[] = {
        {"", "not a .npy file"},
        {"PNG and other bytes that are not NumPy's", "not a .npy file"},
        {good.substr(0, 9), "truncated header"},
        {good.substr(0, 40), "truncated header"},
        {good.substr(0, good.size() - 1), "holds 23 bytes of data where shape (2, 3) needs 24"},
        {good + "x", "holds 25 bytes"},
        {npy_bytes(4, header("<f4", "False", "(2, 3)"), ""), "version 4"},
        {npy_bytes(1, header("<f8", "False", "(2, 3)"), ""), "element type '<f8'; needs float32"},
        {npy_bytes(1, header(">f4", "False", "(2, 3)"), ""), "element type '>f4'"},
        {npy_bytes(1, "{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (2,), }", ""),
         "'record'"},
        {npy_bytes(1, header("<f4", "True", "(2, 3)"), float_bytes(kSix)), "Fortran order"},
        {npy_bytes(1, header("<f4", "Maybe", "(2, 3)"), ""), "malformed"},
        {npy_bytes(1, header("<f4", "False", "(2, -3)"), ""), "malformed"},
        {npy_bytes(1, header("<f4", "False", "(2"), ""), "malformed"},
        {npy_bytes(1, "{'descr': '<f4', 'shape': (2,)}", ""), "malformed"},
        {npy_bytes(1, "{'descr': '<f4', 'extra': 1}", ""), "malformed"},
        {npy_bytes(1, header("<f4", "False", "(4000000000, 4000000000, 4)"), ""), "too large"},
        {npy_bytes(1, header("<f4", "False", "(99999999999999999999,)"), ""), "malformed"},
        {std::string("\x93NUMPY\2\0\xff\xff\xff\x7f", 12), "header of 2147483647 bytes"},
    };
    for (const auto &file : files) {
        std::string path = scratch.write("bad.npy", file.bytes);
        INFO(file.reason);
        CHECK_THROWS_WITH(read_npy(path), Contains(path + ": ") && Contains(file.reason) && !Contains("\n"));
        CHECK_THROWS_AS(read_npy(path), InputError);
    }
    CHECK_THROWS_WITH(read_npy(scratch / "none.npy"), Contains("none.npy: cannot be read: No such file"));
    CHECK_THROWS_WITH(read_npy(scratch.path()), Contains("is a folder"));
}

TEST_CASE("a file that cannot be written leaves nothing behind") {
    Scratch scratch;
    CHECK_THROWS_AS(write_npy(scratch / "no/such/folder/a.npy", {6}, kSix.data()), InputError);
    std::filesystem::create_directory(scratch / "a.npy");  // a rename cannot replace it
    CHECK_THROWS_AS(write_npy(scratch / "a.npy", {6}, kSix.data()), WorkError);
    auto files = std::filesystem::directory_iterator(scratch.path());
    CHECK(std::distance(begin(files), end(files)) == 1);
}
