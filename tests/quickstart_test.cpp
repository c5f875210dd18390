// tools/quickstart/demo.sh from image to picture: the pixels against an independent bilinear interpolation, the table,
// and what it says to bad input.
#include <png.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/scratch.h"

using namespace halconv;

namespace {

struct Picture {
    int height = 0, width = 0;
    std::vector<uint8_t> rgb;

    double at(int y, int x, int c) const { return rgb[size_t((y * width + x) * 3 + c)]; }
};

std::string file_text(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Picture read_picture(const std::string &path) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    INFO(path);
    REQUIRE(png_image_begin_read_from_file(&image, path.c_str()));
    image.format = PNG_FORMAT_RGB;
    Picture picture{int(image.height), int(image.width), std::vector<uint8_t>(PNG_IMAGE_SIZE(image))};
    REQUIRE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr));
    return picture;
}

void write_png(const std::string &path, int height, int width, uint32_t format, const std::vector<uint8_t> &bytes) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.height = uint32_t(height), image.width = uint32_t(width), image.format = format;
    REQUIRE(png_image_write_to_file(&image, path.c_str(), 0, bytes.data(), 0, nullptr));
}

struct Outcome {
    int status;
    std::string out, err;
};

Outcome demo(const Scratch &scratch, const std::string &arguments) {
    const std::string out = scratch / "stdout", err = scratch / "stderr";
    const std::string command = "BUILD='" HALCONV_TEST_BUILD "' PYTHON='" HALCONV_TEST_PYTHON "' WORK='" +
                                (scratch / "work") + "' '" HALCONV_TEST_DEMO "' " + arguments + " >'" + out + "' 2>'" +
                                err + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, file_text(out), file_text(err)};
}

// Pixel o of the large picture has its centre at (o + 1/2) / scale of the small one, whose pixel i has it at i + 1/2;
// beyond the outermost centres the value is constant.
double bilinear(const Picture &small, int scale, int y, int x, int c) {
    auto place = [&](int o, int size) { return std::clamp((o + 0.5) / scale - 0.5, 0.0, double(size - 1)); };
    const double v = place(y, small.height), u = place(x, small.width);
    const int y0 = int(v), x0 = int(u), y1 = std::min(y0 + 1, small.height - 1), x1 = std::min(x0 + 1, small.width - 1);
    const double top = small.at(y0, x0, c) * (1 - (u - x0)) + small.at(y0, x1, c) * (u - x0);
    const double bottom = small.at(y1, x0, c) * (1 - (u - x0)) + small.at(y1, x1, c) * (u - x0);
    return top * (1 - (v - y0)) + bottom * (v - y0);
}

// Half a step of rounding to 8 bits, and f32 sums of at most 4 terms (and zeros) of up to 255.
constexpr double kTolerance = 0.5 + 1e-3;

void check_scaled(const Picture &small, const Picture &large, int scale) {
    REQUIRE(large.height == scale * small.height);
    REQUIRE(large.width == scale * small.width);
    double worst = 0;
    for (int y = 0; y < large.height; ++y) {
        for (int x = 0; x < large.width; ++x) {
            for (int c = 0; c < 3; ++c) {
                worst = std::max(worst, std::abs(large.at(y, x, c) - bilinear(small, scale, y, x, c)));
            }
        }
    }
    CHECK(worst <= kTolerance);
}

void check_demo(const Scratch &scratch, const std::string &image, const Picture &small) {
    const Outcome outcome = demo(scratch, "'" + image + "' -o '" + (scratch / "out.png") + "'");
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    check_scaled(small, read_picture(scratch / "out-x2.png"), 2);
    check_scaled(small, read_picture(scratch / "out.png"), 8);
}

}  // namespace

TEST_CASE("the chart is scaled by 2 and by 8, and the table names both layers") {
    const Scratch scratch;
    const Outcome outcome = demo(scratch, "");
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const Picture chart = read_picture(scratch / "work/chart.png");
    check_scaled(chart, read_picture(scratch / "work/upscaled-x2.png"), 2);
    check_scaled(chart, read_picture(scratch / "work/upscaled.png"), 8);
    CHECK(outcome.out.find("% of peak") != std::string::npos);
    for (const char *start : {"\nup2 ", "\nup8 "}) {
        const size_t at = outcome.out.find(start);
        REQUIRE(at != std::string::npos);
        double microseconds = 0, gflops = 0, percent = 0;
        CHECK(std::sscanf(outcome.out.c_str() + at + 5, "%lf %lf %lf", &microseconds, &gflops, &percent) == 3);
        CHECK(microseconds > 0);
        CHECK(gflops > 0);
        CHECK(percent > 0);
        CHECK(outcome.out.find("halconv_conv_transpose_f32_", at) != std::string::npos);
        CHECK(outcome.out.find("chosen: ", at) != std::string::npos);
    }
}

TEST_CASE("a grey picture of odd size and one of a single pixel are scaled") {
    const Scratch scratch;
    const std::string image = scratch / "grey.png";
    std::vector<uint8_t> bytes(7 * 5);
    for (size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = uint8_t(i * 89);
    }
    write_png(image, 7, 5, PNG_FORMAT_GRAY, bytes);
    check_demo(scratch, image, read_picture(image));

    write_png(image, 1, 1, PNG_FORMAT_GRAY, {77});
    check_demo(scratch, image, {1, 1, {77, 77, 77}});
}

TEST_CASE("transparent pixels are scaled as white") {
    const Scratch scratch;
    const std::string image = scratch / "alpha.png";
    write_png(image, 1, 3, PNG_FORMAT_RGBA, {10, 20, 30, 255, 40, 50, 60, 0, 70, 80, 90, 255});
    check_demo(scratch, image, {1, 3, {10, 20, 30, 255, 255, 255, 70, 80, 90}});
}

TEST_CASE("bad input gets one line, status 2 and no picture") {
    const Scratch scratch;
    const std::string good = scratch / "good.png", out = scratch / "out.png";
    write_png(good, 6, 4, PNG_FORMAT_GRAY, std::vector<uint8_t>(24, 100));
    const std::string whole = file_text(good);
    std::string damaged = whole;
    damaged[20] = char(damaged[20] ^ 1);
    const struct {
        std::string arguments, reason;
    } cases[] = {
        {"'" + (scratch / "none.png") + "' -o '" + out + "'", "none.png: No such file"},
        {"'" + scratch.write("text.png", "no picture") + "' -o '" + out + "'", "text.png: not a PNG file"},
        {"'" + scratch.write("cut.png", whole.substr(0, whole.size() - 20)) + "' -o '" + out + "'",
         "cut.png: truncated PNG file"},
        {"'" + scratch.write("damaged.png", damaged) + "' -o '" + out + "'", "damaged.png: damaged PNG file"},
        {"'" + good + "' -o '" + (scratch / "no/such/folder/out.png") + "'", "no/such/folder"},
        {"'" + good + "' '" + good + "'", "usage: "},
        {"-o", "usage: "},
        {"--fast", "usage: "},
    };
    for (const auto &bad : cases) {
        const Outcome outcome = demo(scratch, bad.arguments);
        INFO(bad.arguments << "\n" << outcome.err);
        CHECK(outcome.status == 2);
        CHECK(outcome.err.find(bad.reason) != std::string::npos);
        CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
        CHECK_FALSE(std::filesystem::exists(out));
    }
}
