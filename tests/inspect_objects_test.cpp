// Objects from LLVM's assembler and from the kernel compiler, through LLVM's disassembler and analyser; and the program.
#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "runtime/core/problem.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/program_output.h"
#include "tools/cache.h"
#include "tools/inspect/llvm_program.h"
#include "tools/inspect/static_cost.h"
#include "tools/tune_static.h"

using namespace halconv;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

// Inner loops of a function in assembly; its object is gone afterwards.
std::vector<InnerLoop> assembled(const char *triple, const char *cpu, const std::string &text) {
    Scratch scratch;
    const std::string source = scratch.write("a.s", text), object = scratch / "a.o";
    run_llvm_program("llvm-mc", {std::string("-triple=") + triple, std::string("-mcpu=") + cpu, "-filetype=obj", source,
                                 "-o", object});
    return inner_loops(disassemble({object})[0]);
}

// Eight accumulators by lane within two loops; `more` goes to the inner one.
std::string neon_kernel(const std::string &more) {
    std::string text = "kernel:\n stp x29, x30, [sp, #-64]!\n mov x29, sp\n ldr q31, [sp, #16]\nouter:\n mov x4, x2\n"
                       ".Linner:\n ldr q0, [x0], #16\n ldp q1, q2, [x1], #32\n";
    for (int i = 0; i < 8; i++) {
        text += " fmla v" + std::to_string(16 + i) + ".4s, v" + std::to_string(1 + i % 2) + ".4s, v0.s[" +
                std::to_string(i / 2) + "]\n";
    }
    return text + more + " subs x4, x4, #1\n b.ne .Linner\n str q31, [sp, #32]\n subs x3, x3, #1\n b.ne outer\n ret\n";
}

// Tile of 4 pixels and two vectors; the sums' registers are spilled where `more` does it.
std::string avx512_kernel(const std::string &more) {
    std::string text =
        "kernel:\n pushq %rbp\n movq %rsp, %rbp\n.Linner:\n vmovups (%rsi), %zmm0\n vmovups 64(%rsi), %zmm1\n";
    for (int i = 0; i < 4; i++) {
        text += " vbroadcastss " + std::to_string(64 * i) + "(%rdi), %zmm2\n vfmadd231ps %zmm0, %zmm2, %zmm" +
                std::to_string(8 + i) + "\n vfmadd231ps %zmm1, %zmm2, %zmm" + std::to_string(16 + i) + "\n";
    }
    return text + more + " addq $128, %rsi\n addq $4, %rdi\n decq %rax\n jne .Linner\n popq %rbp\n retq\n";
}

LoopPrediction predicted(const InnerLoop &loop, const char *core) {
    REQUIRE(find_core(core));
    return predict_loops({{&loop, false}}, *find_core(core))[0];
}

Layer pointwise() {
    Layer layer;
    halconv_problem &p = layer.problem;
    layer.name = layer.source = "pointwise";
    p = {};
    p.op = HALCONV_CONV;
    p.rank = 2, p.batch = p.groups = 1, p.in_channels = 64, p.out_channels = 48;
    for (int d = 0; d < 2; d++) {
        p.in[d] = 24, p.kernel[d] = p.stride[d] = p.dilation[d] = 1;
    }
    return layer;
}

KernelJob direct_job(const char *target, int tile_x, int vectors) {
    BuildOptions options;
    options.targets = {target};
    options.all_candidates = true;
    for (const KernelJob &job : plan_kernels({pointwise()}, options)) {
        Schedule schedule = job.compile.schedule;
        if (schedule.form == HALCONV_FORM_DIRECT && schedule.tile_y == 1) {
            schedule.tile_x = tile_x, schedule.vectors = vectors;
            return make_job(job.compile.key, schedule, job.compile.target, false);
        }
    }
    FAIL("no direct candidate");
    return {};
}

const char kSmallLayer[] = R"({"name": "small", "op": "conv", "ci": 64, "co": 48, "in": [24, 24], "kernel": [1, 1]})";

}  // namespace

TEST_CASE("AArch64: an object's inner loop, its figures and prediction") {
    const std::vector<InnerLoop> loops = assembled("aarch64", "generic", neon_kernel(""));
    REQUIRE(loops.size() == 1);
    const InnerLoop &loop = loops[0];
    CHECK(loop.function == "outer");  // the disassembler begins a function at each symbol
    CHECK(loop.instructions.size() == 12);
    CHECK(loop.multiply_adds == 8);
    CHECK(loop.sums == 8);
    CHECK(loop.loads == 3);
    CHECK(loop.spills == 0);
    CHECK(loop.registers == 11);
    CHECK(loop.products == 32);
    // Two multiply-adds a cycle, and four.
    CHECK(predicted(loop, "neoverse-n1").bound == 4);
    CHECK(predicted(loop, "neoverse-v2").bound == 2);
    CHECK(predicted(loop, "neoverse-n1").percent_of_peak() > 95);
    CHECK(predicted(loop, "neoverse-n1").percent_of_peak() <= 100);
}

TEST_CASE("turns that begin new sums do not wait for each other") {
    // One accumulator: each turn waits for the sum, 2 cycles or more, unless it begins anew.
    const InnerLoop loop = assembled("aarch64", "generic",
                                     "kernel:\n.Linner:\n ldr q1, [x1], #16\n fmla v16.4s, v1.4s, v0.s[0]\n"
                                     " subs x4, x4, #1\n b.ne .Linner\n ret\n")[0];
    CHECK(loop.sums == 1);
    const std::vector<LoopPrediction> both = predict_loops({{&loop, false}, {&loop, true}}, *find_core("neoverse-n1"));
    CHECK(both[0].cycles >= 2);
    CHECK(both[1].cycles <= 1);
    CHECK(both[0].bound == both[1].bound);
    CHECK(restarts(loop, HALCONV_FORM_DEPTHWISE));
    CHECK_FALSE(restarts(loop, HALCONV_FORM_DIRECT));
}

TEST_CASE("what a loop needs is its arithmetic, loads and stores, without moves and spills") {
    auto loop_with = [](const std::string &more) {
        return assembled("aarch64", "generic",
                         "kernel:\n.Linner:\n ldr q0, [x1]\n fadd v1.4s, v0.4s, v8.4s\n fadd v2.4s, v0.4s, v9.4s\n"
                         " str q1, [x2]\n str q2, [x3]\n" +
                             more + " subs x4, x4, #1\n b.ne .Linner\n ret\n")[0];
    };
    // A store takes both arithmetic pipes of Neoverse N1 for a cycle, two additions one cycle.
    const LoopPrediction bare = predicted(loop_with(""), "neoverse-n1");
    CHECK(bare.needed == Approx(3).epsilon(0.1));
    CHECK(bare.percent_of_needed() == Approx(100).epsilon(0.05));
    const LoopPrediction moves = predicted(loop_with(" mov v3.16b, v8.16b\n mov v4.16b, v8.16b\n"), "neoverse-n1");
    CHECK(moves.needed == Approx(bare.needed));
    CHECK(moves.percent_of_needed() == Approx(75).epsilon(0.05));
    const LoopPrediction spills = predicted(loop_with(" str q8, [sp, #32]\n"), "neoverse-n1");
    CHECK(spills.needed == Approx(bare.needed));
    CHECK(spills.percent_of_needed() < 80);
}

TEST_CASE("AArch64: spills in the inner loop alone are counted, and cost") {
    const std::string spills = " str q16, [sp, #32]\n ldr q16, [sp, #32]\n ldr q3, [sp, x4]\n";
    const InnerLoop with = assembled("aarch64", "generic", neon_kernel(spills))[0];
    CHECK(with.spills == 2);
    CHECK(with.loads == 5);
    const InnerLoop without = assembled("aarch64", "generic", neon_kernel(""))[0];
    CHECK(predicted(with, "neoverse-n1").cycles > predicted(without, "neoverse-n1").cycles);
}

TEST_CASE("x86: an object's inner loop, its figures and prediction") {
    const std::vector<InnerLoop> loops = assembled("x86_64", "skylake-avx512", avx512_kernel(""));
    REQUIRE(loops.size() == 1);
    const InnerLoop &loop = loops[0];
    CHECK(loop.function == "kernel");
    CHECK(loop.depth == 1);
    CHECK(loop.instructions.size() == 18);
    CHECK(loop.multiply_adds == 8);
    CHECK(loop.sums == 8);
    CHECK(loop.loads == 6);
    CHECK(loop.spills == 0);
    CHECK(loop.registers == 11);
    CHECK(loop.products == 128);
    CHECK(predicted(loop, "skylake-avx512").bound == 4);
    // The core takes 4 instructions a cycle: 18 need 4.5 cycles, 4 of them for the multiply-adds.
    CHECK(predicted(loop, "skylake-avx512").cycles >= 4.5);
    CHECK(predicted(loop, "skylake-avx512").percent_of_peak() > 70);

    const InnerLoop with = assembled("x86_64", "skylake-avx512",
                                     avx512_kernel(" vmovups %zmm8, 64(%rsp)\n vmovups -64(%rbp), %zmm8\n"))[0];
    CHECK(with.spills == 2);
    CHECK(predicted(with, "skylake-avx512").cycles > predicted(loop, "skylake-avx512").cycles);
}

TEST_CASE("a tile that needs more registers than there are spills and costs more") {
    const std::vector<KernelJob> jobs = {direct_job("x86-avx2", 4, 3), direct_job("x86-avx2", 8, 3)};
    const std::vector<std::filesystem::path> objects = compile_all(jobs, 0, nullptr);
    const std::vector<MachineCode> codes = disassemble(objects);
    CHECK(inner_loops(codes[0])[0].sums == 12);
    CHECK(inner_loops(codes[0])[0].spills == 0);
    const std::vector<InnerLoop> spilling = inner_loops(codes[1]);
    CHECK(std::any_of(spilling.begin(), spilling.end(), [](const InnerLoop &l) { return l.spills > 0; }));

    for (const char *core : {"haswell", "znver4"}) {
        const std::vector<std::optional<StaticCost>> costs =
            static_costs({jobs[0].compile, jobs[1].compile}, objects, *find_core(core));
        INFO(core);
        REQUIRE(costs[0]);
        REQUIRE(costs[1]);
        CHECK(costs[0]->products == 24.0 * 24 * 64 * 48);
        CHECK(costs[1]->products == costs[0]->products);
        CHECK(costs[0]->cycles_per_product >= 1.0 / 16);  // two vectors of 8 a cycle
        CHECK(costs[0]->cycles_per_product < 1.1 / 16);
        CHECK(costs[0]->cycles() < costs[1]->cycles());
    }
    CHECK_THROWS_AS(static_costs({jobs[0].compile}, {objects[0]}, *find_core("neoverse-n1")), InputError);
}

TEST_CASE("products of forms") {
    const auto products = [](halconv_problem p, halconv_form form, int lanes) {
        int64_t out[3];
        REQUIRE(check_problem(p, out) == HALCONV_OK);
        Schedule schedule;
        schedule.form = form;
        schedule.lanes = lanes;
        return form_products(problem_key(normalise(p, out), p), schedule);
    };
    halconv_problem p = pointwise().problem;
    CHECK(products(p, HALCONV_FORM_DIRECT, 16) == 24.0 * 24 * 64 * 48);
    p.out_channels = 21;
    CHECK(products(p, HALCONV_FORM_DIRECT, 16) == 24.0 * 24 * 64 * 32);
    p.out_channels = 48;
    for (int d = 0; d < 2; d++) {
        p.kernel[d] = 3, p.pad_before[d] = p.pad_after[d] = 1;
    }
    CHECK(products(p, HALCONV_FORM_DIRECT, 16) == 24.0 * 24 * 9 * 64 * 48);
    CHECK(products(p, HALCONV_FORM_WINOGRAD2, 16) == 12.0 * 12 * 16 * 64 * 48);  // F(2, 3): 4 outputs of 16 products
    p.op = HALCONV_CONV_TRANSPOSE;
    for (int d = 0; d < 2; d++) {
        p.kernel[d] = 4, p.stride[d] = 2;
    }
    CHECK(products(p, HALCONV_FORM_PHASE, 16) == 48.0 * 48 * 4 * 64 * 48);  // 2 x 2 taps of each phase
    CHECK(products(p, HALCONV_FORM_WINOGRAD2, 16) == 4.0 * 12 * 12 * 9 * 64 * 48);
    p.groups = 48, p.in_channels = 48;
    CHECK(products(p, HALCONV_FORM_DEPTHWISE, 32) == 48.0 * 48 * 4 * 64);
}

TEST_CASE("products count whole tiles, and what is left out at a border not at all") {
    halconv_problem p = pointwise().problem;
    for (int d = 0; d < 2; d++) {
        p.in[d] = 14, p.kernel[d] = 3, p.pad_before[d] = p.pad_after[d] = 1;
    }
    int64_t out[3];
    REQUIRE(check_problem(p, out) == HALCONV_OK);
    const halconv_key key = problem_key(normalise(p, out), p);
    Schedule s;
    s.tile_x = 4, s.tile_y = 3, s.vectors = 2,
    s.lanes = 16;  // 14 in tiles of 4 and 3: 16 x 15; 48 channels in panels of 32
    CHECK(form_products(key, s) == 16.0 * 15 * 9 * 64 * 64);
    s.skip[2] = true;  // of 14 x 3 taps 2 lie outside
    CHECK(form_products(key, s) == Approx(16.0 * 15 * 9 * 64 * 64 * 40 / 42));
    s = {};
    s.form = HALCONV_FORM_WINOGRAD2, s.tile_x = 4, s.lanes = 16, s.rows = 2;  // 7 x 7 tiles: of two rows 14, in 4s 16
    CHECK(form_products(key, s) == Approx(49.0 * 16 / 14 * 16 * 64 * 48));
}

TEST_CASE("the program prints one line for each kernel, and a table or a listing") {
    Scratch scratch;
    const std::string layer = scratch.write("layer.json", kSmallLayer);
    const ProgramResult json = start_halconv({"inspect", layer, "--target", "x86-avx2", "x86-avx512", "--json"});
    CHECK(json.err == "");
    REQUIRE(json.status == 0);
    const std::vector<Json> lines = json_lines(json.out);
    REQUIRE(lines.size() == 2);
    for (const Json &line : lines) {
        CHECK(line["name"] == "small");
        CHECK(line["fma"] >= 8);
        CHECK(line["instructions"] > line["fma"]);
        CHECK(line["loads"] > 0);
        CHECK(line["spills"] == 0);
        CHECK(line["fma_per_load"].get<double>() ==
              Approx(line["fma"].get<double>() / line["loads"].get<double>()).margin(0.005));
        for (const auto &[core, percent] : line["predicted_percent_of_peak"].items()) {
            INFO(core);
            CHECK(percent > 50);
            CHECK(percent <= 100);
        }
    }
    CHECK(lines[0]["predicted_percent_of_peak"].size() == 3);
    CHECK(lines[1]["predicted_percent_of_peak"].size() == 1);  // haswell cannot run it

    // A kernel by its name is the same kernel; two are listed side by side.
    const std::string names[] = {lines[0]["kernel"], lines[1]["kernel"]};
    const ProgramResult by_name = start_halconv({"inspect", names[0], "--json", "--cpu", "haswell"});
    REQUIRE(by_name.status == 0);
    Json again = json_lines(by_name.out).at(0);
    CHECK(again["fma"] == lines[0]["fma"]);
    CHECK(again["predicted_percent_of_peak"].size() == 1);
    CHECK(again["predicted_percent_of_peak"]["haswell"] == lines[0]["predicted_percent_of_peak"]["haswell"]);
    const ProgramResult pair = start_halconv({"inspect", names[0], names[1]});
    CHECK(pair.status == 0);
    CHECK_THAT(pair.out, Contains("A: " + names[0]) && Contains("B: " + names[1]) && Contains("vfmadd231ps") &&
                             Contains("%ymm") && Contains("%zmm") && Contains("spills          0 "));

    const ProgramResult all = start_halconv({"inspect", layer, "--target", "x86-avx2", "--kernel", "direct", "--kernel",
                                             "*direct_4x3*", "--json", "--all-loops"});
    CHECK(all.status == 0);
    const std::vector<Json> candidates = json_lines(all.out);
    CHECK(candidates.size() > 2);
    CHECK(candidates[0].contains("function"));
    const ProgramResult table = start_halconv({"inspect", layer, "--target", "x86-avx2", "--kernel", "direct"});
    CHECK_THAT(table.out, Contains("| layer") && Contains("| spills |") && Contains("| haswell |"));
}

TEST_CASE("inspect explains itself") {
    const ProgramResult help = start_halconv({"inspect", "--help"});
    CHECK(help.status == 0);
    CHECK(help.err == "");
    CHECK_THAT(help.out, Contains("Usage: halconv inspect") && Contains("llvm-mca-19") && Contains("spills"));
    CHECK_THAT(start_halconv({"--help"}).out, Contains("inspect"));
}

TEST_CASE("what inspect cannot do ends with one line") {
    Scratch scratch;
    const std::string layer = scratch.write("layer.json", kSmallLayer);
    check_error(start_halconv({"inspect", scratch / "none.jsonl"}), 2, "none.jsonl: cannot be read");
    check_error(start_halconv({"inspect", layer, "--cpu", "cortex-a76"}), 2,
                "--cpu: no model of 'cortex-a76' that can be believed; there are: haswell, ");
    check_error(start_halconv({"inspect", layer, "--target", "x86-avx512", "--cpu", "haswell"}), 2,
                "--cpu: the model of 'haswell' does not serve these kernels' target");
    check_error(start_halconv({"inspect", layer, "--target", "x86-mmx"}), 2, "unknown target 'x86-mmx'");
    check_error(start_halconv({"inspect", layer, "--target", "x86-avx2-windows"}), 2,
                "only x86-64 and AArch64 code for Linux and Android can be read, not coff-x86-64");
    check_error(start_halconv({"inspect", "halconv_conv_f32_nhwc_k3x3_on_x86-mmx_direct_4x4"}), 2,
                "unknown target 'x86-mmx'");
    check_error(start_halconv({"inspect", "halconv_conv_f32_nhwc_k3x3_on_x86-avx2_direct_99x99v8r1"}), 2,
                "no schedule gives the kernel halconv_conv_f32_nhwc_k3x3_on_x86-avx2_direct_99x99v8r1");
    const ProgramResult unmatched = start_halconv({"inspect", layer, "--kernel", "no_such"});
    CHECK(unmatched.status == 1);
    CHECK_THAT(unmatched.err, Contains("small: no candidate kernel matches 'no_such'"));

    const std::string path = std::getenv("PATH");
    setenv("PATH", scratch.path().c_str(), 1);
    const ProgramResult missing = start_halconv({"inspect", layer});
    setenv("PATH", path.c_str(), 1);
    check_error(missing, 1, "the program llvm-objdump-19 is missing (Debian: apt-get install llvm-19)");
}

TEST_CASE("schedules are chosen by their machine code, and the record says that nothing was timed") {
    Scratch scratch;
    const std::string layer = scratch.write("layer.json", kSmallLayer), winners = scratch / "winners.jsonl";
    const ProgramResult json =
        start_halconv({"tune", layer, "--target", "x86-avx512", "--cost", "static", "--json", "--winners", winners});
    INFO(json.err);
    REQUIRE(json.status == 0);
    const std::vector<Json> lines = json_lines(json.out);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["name"] == "small");
    CHECK(lines[0]["measured"] == false);
    CHECK(!lines[0].contains("time_us"));
    CHECK(lines[0]["cycles"].get<double>() > 24 * 24 * 64 * 48 / 32);
    CHECK(lines[0]["cycles"] <= lines[0]["default_cycles"]);
    CHECK(lines[0]["ranked"] > 1);
    CHECK(lines[1]["ranked"]["measured"] == false);
    CHECK(lines[1]["ranked"]["cpu"] == "skylake-avx512");
    CHECK(lines[1]["ranked"]["recorded"] == (lines[0]["recorded"] == true ? 1 : 0));
    CHECK_THAT(start_halconv({"tune", layer, "--target", "x86-avx2", "--cost", "static", "--cpu", "znver4"}).out,
               Contains("| small") && Contains("on znver4; nothing was timed"));
    // The default core is the target's first; another system's kernels can be ranked too.
    CHECK_THAT(start_halconv({"tune", layer, "--target", "x86-64", "--cost", "static", "--json"}).out,
               Contains("\"cpu\":\"haswell\""));
}

TEST_CASE("the choice is the cheapest, and a clear gain is recorded") {
    const Layer layer = pointwise();
    const Target target = parse_target("x86-avx2");
    const StaticChoice choice = rank_schedules({layer}, target, *find_core("haswell")).at(0);
    CHECK(choice.cycles <= choice.default_cycles);
    CHECK(choice.recorded == (choice.speedup() > 1.05));
    // haswell loads for each multiply-add of a narrow tile; at least its products bound every choice from below.
    CHECK(choice.cycles >= 24.0 * 24 * 64 * 48 / 16);
    CHECK_THROWS_WITH(static_core("skylake-avx512x", layer, target),
                      Contains("no model of 'skylake-avx512x' for x86-avx2") && Contains("haswell, znver4"));
    CHECK(std::string(static_core("", layer, target).name) == "haswell");
    CHECK(std::string(static_core("", layer, parse_target("x86-avx512")).name) == "skylake-avx512");
}

TEST_CASE("what a static cost has no use for is refused") {
    Scratch scratch;
    const std::string layer = scratch.write("layer.json", kSmallLayer);
    check_error(start_halconv({"tune", layer, "--cost", "static", "--minutes", "3"}), 2,
                "tune: --cost static has no use for --minutes");
    check_error(start_halconv({"tune", layer, "--cost", "static", "--resume"}), 2, "has no use for --resume");
    check_error(start_halconv({"tune", "--candidate", layer, "--cost", "static"}), 2, "has no use for --candidate");
    check_error(start_halconv({"tune", layer, "--cpu", "haswell"}), 2, "tune: --cost time has no use for --cpu");
    check_error(start_halconv({"tune", layer, "--cost", "guess"}), 2, "--cost");
    check_error(start_halconv({"tune", layer, "--cost", "static", "--target", "x86-avx512", "--cpu", "haswell"}), 2,
                "--cpu: no model of 'haswell' for x86-avx512 that can be believed; there are: skylake-avx512");
}
