// The generators with plain add_halide_library(), unscheduled and without halconv's runtime: 3x3 conv with stride 2.
#include "HalideBuffer.h"
#include "plain_conv.h"
#include "tests/catch.h"

TEST_CASE("a generator serves plain add_halide_library") {
    constexpr int kIn = 7, kOut = 4, kChannelsIn = 2, kChannelsOut = 3, kKernel = 3, kStride = 2, kPad = 1;
    using Halide::Runtime::Buffer;
    Buffer<float, 6> input(kChannelsIn, 1, kIn, kIn, 1, 1), output(kChannelsOut, 1, kOut, kOut, 1, 1);
    Buffer<float, 9> weights(1, kChannelsIn, kKernel, kKernel, 1, 1, 1, 1, kChannelsOut);
    Buffer<float, 2> bias(1, kChannelsOut);
    int value = 0;
    auto next = [&](float &v) { v = float(value++ % 7 - 3); };
    input.for_each_value(next);
    weights.for_each_value(next);
    bias.for_each_value(next);
    int result = plain_conv(input, weights, bias, output, kKernel, kStride, 1, kPad, 1, 0, kKernel, kStride, 1, kPad, 1,
                            0, 1, 1, 1, 0, 1, 0, 0, 0, 1.0f, -1e30f, 1e30f, output);
    REQUIRE(result == 0);
    for (int y = 0; y < kOut; y++) {
        for (int x = 0; x < kOut; x++) {
            for (int o = 0; o < kChannelsOut; o++) {
                float sum = bias(0, o);
                for (int ky = 0; ky < kKernel; ky++) {
                    for (int kx = 0; kx < kKernel; kx++) {
                        int row = y * kStride + ky - kPad, column = x * kStride + kx - kPad;
                        if (row < 0 || row >= kIn || column < 0 || column >= kIn) {
                            continue;
                        }
                        for (int i = 0; i < kChannelsIn; i++) {
                            sum += weights(0, i, kx, ky, 0, 0, 0, 0, o) * input(i, 0, column, row, 0, 0);
                        }
                    }
                }
                CHECK(output(o, 0, x, y, 0, 0) == sum);
            }
        }
    }
}
