// The readers of what ptxas and nvdisasm print.
#include "tests/catch.h"
#include "tests/gpu/sass.h"
#include "tools/layer.h"

namespace halconv {

TEST_CASE("resources of a kernel", "[gpu]") {
    Sass sass;
    read_resources("ptxas info    : Compiling entry function 'k' for 'sm_90'\n"
                   "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
                   "ptxas info    : Used 133 registers, used 1 barriers, 16 bytes cumulative stack size\n"
                   "ptxas info    : Compiling entry function 'l' for 'sm_90'\n"
                   "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
                   "ptxas info    : Used 32 registers, used 0 barriers\n",
                   sass);
    CHECK(sass.registers == 133);
    CHECK(sass.stack_bytes == 16);
    CHECK(sass.spill_bytes == 20);
    CHECK_THROWS_AS(read_resources("nothing", sass), WorkError);
}

TEST_CASE("the hot loop is the innermost one with the most FFMA", "[gpu]") {
    Sass sass;
    read_hot_loop(".text.k:\n"
                  "        /*0000*/                   FFMA R1, R2, R3, R1 ;\n"
                  ".L_x_0:\n"
                  "        /*0010*/                   LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;\n"
                  ".L_x_1:\n"
                  "        /*0020*/                   LDS.128 R4, [R8] ;\n"
                  "        /*0030*/              @!P0 LDS R5, [R8+0x10] ;\n"
                  "        /*0040*/                   FFMA R1, R4, R5, R1 ;\n"
                  "        /*0050*/                   FFMA.FTZ R1, R4, R5, R1 ;\n"
                  "        /*0060*/                   NOP ;\n"
                  "        /*0070*/               @P1 BRA `(.L_x_1) ;\n"
                  "        /*0080*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ;\n"
                  "        /*0090*/               @P2 BRA `(.L_x_0) ;\n"
                  ".L_x_2:\n"
                  "        /*00a0*/                   BRA `(.L_x_2);\n",
                  sass);
    CHECK(sass.loops);
    CHECK(sass.instructions == 5);
    CHECK(sass.ffma == 2);
    CHECK(sass.loads_shared == 2);
    CHECK(sass.loads_shared_128 == 1);
    CHECK(sass.staging_instructions == 8);
    CHECK(sass.loads_global == 1);
    CHECK(sass.barriers == 1);
    CHECK_THROWS_AS(read_hot_loop("", sass), WorkError);
}

}  // namespace halconv
