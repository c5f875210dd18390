// PTX to a fat binary: figures, bytes that repeat, and what is refused.
#include "tests/catch.h"
#include "tools/device_loops.h"
#include "tools/fatbin.h"
#include "tools/layer.h"

namespace halconv {

namespace {

using Catch::Contains;

const char kPtx[] = R"(.version 7.1
.target sm_80
.address_size 64
.visible .entry twice(.param .u64 p)
{
    .reg .b64 %rd<3>;
    .reg .f32 %f<3>;
    ld.param.u64 %rd1, [p];
    cvta.to.global.u64 %rd2, %rd1;
    ld.global.f32 %f1, [%rd2];
    add.f32 %f2, %f1, %f1;
    st.global.f32 [%rd2], %f2;
    ret;
}
)";

bool toolkit_or_skip() {
    if (!cuda_toolkit()) {
        std::printf("skipped: no ptxas and fatbinary\n");
    }
    return cuda_toolkit().has_value();
}

}  // namespace

TEST_CASE("chips have their compute capability as their number", "[gpu]") {
    CHECK(chip_capability("sm_90") == 90);
    CHECK(chip_capability("sm_100") == 100);
    const CudaToolkit toolkit{"", "", "", {"sm_75", "sm_90", "sm_80", "sm_86"}};
    CHECK(chips_from("sm_80", toolkit) == std::vector<std::string>{"sm_80", "sm_86", "sm_90"});
    CHECK(chips_from("sm_90", toolkit) == std::vector<std::string>{"sm_90"});
    CHECK(chips_from("sm_100", toolkit).empty());
}

TEST_CASE("what ptxas says of several kernels is the most of each figure", "[gpu]") {
    const ChipFigures figures =
        read_assembler_figures("ptxas info    : Compiling entry function 'a' for 'sm_90'\n"
                               "    0 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads\n"
                               "ptxas info    : Used 40 registers, used 1 barriers\n"
                               "    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
                               "ptxas info    : Used 128 registers, used 1 barriers\n");
    CHECK(figures.registers == 128);
    CHECK(figures.stack_bytes == 16);
    CHECK(figures.spill_bytes == 12);
    CHECK_THROWS_WITH(read_assembler_figures("ptxas info    : 0 bytes gmem\n"), Contains("says nothing of registers"));
}

TEST_CASE("a fat binary holds every chip and the PTX, the same bytes each time", "[gpu]") {
    if (!toolkit_or_skip()) {
        return;
    }
    const std::vector<std::string> chips = chips_from("sm_80", *cuda_toolkit());
    REQUIRE(!chips.empty());
    const FatBinary binary = make_fat_binary(kPtx, chips, 64, *cuda_toolkit());
    CHECK(binary.bytes.substr(0, 4) == "\x50\xED\x55\xBA");
    REQUIRE(binary.chips.size() == chips.size());
    for (size_t i = 0; i < chips.size(); i++) {
        CHECK(binary.chips[i].chip == chips[i]);
        CHECK(binary.chips[i].registers > 0);
        CHECK(binary.chips[i].spill_bytes == 0);
    }
    CHECK(make_fat_binary(std::string(kPtx) + '\0', chips, 64, *cuda_toolkit()).bytes == binary.bytes);
    CHECK(make_fat_binary(kPtx, {}, 64, *cuda_toolkit()).bytes.size() < binary.bytes.size());
}

// What bench measures a device's peak and bandwidth with.
TEST_CASE("the loops that measure a device assemble for every chip without a stack", "[gpu]") {
    if (!toolkit_or_skip()) {
        return;
    }
    const DeviceLoops loops = device_loops(HALCONV_CUDA);
    CHECK(loops.products > 0);
    const std::vector<std::string> chips = chips_from("sm_80", *cuda_toolkit());
    const FatBinary binary = make_fat_binary(loops.text, chips, 256, *cuda_toolkit());
    REQUIRE(binary.chips.size() == chips.size());
    for (const ChipFigures &figures : binary.chips) {
        CHECK(figures.registers >= 32);  // the chains are apart
        CHECK(figures.stack_bytes + figures.spill_bytes == 0);
    }
}

TEST_CASE("what is no PTX is refused", "[gpu]") {
    if (!toolkit_or_skip()) {
        return;
    }
    CHECK_THROWS_WITH(make_fat_binary("__kernel void k() {}", {}, 64, *cuda_toolkit()), Contains("no PTX"));
    CHECK_THROWS_WITH(make_fat_binary(".target sm_80\nnonsense", {"sm_90"}, 64, *cuda_toolkit()),
                      Contains("ptxas failed"));
}

}  // namespace halconv
