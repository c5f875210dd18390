// NumPy's .npy files (numpy.lib.format, versions 1 to 3), little-endian float32 in C order only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace halconv {

struct NpyArray {
    std::vector<int64_t> shape;  // slowest axis first; empty for a scalar
    std::vector<float> data;     // prod(shape) elements, last axis dense
};

// Throws InputError with one line that names the file: unreadable, no .npy, another element type, Fortran order, or
// data that is shorter or longer than the shape says.
NpyArray read_npy(const std::filesystem::path &path);

// Writes a version 1 file under a temporary name in the same folder and renames it, so that `path` never holds a part
// of it. Throws InputError where the folder cannot be written and WorkError where the write fails half-way.
void write_npy(const std::filesystem::path &path, const std::vector<int64_t> &shape, const float *data);

// "(1, 3, 224, 224)": a shape as NumPy prints it.
std::string shape_text(const std::vector<int64_t> &shape);

}  // namespace halconv
