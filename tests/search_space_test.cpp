// What the search space refuses and draws, and the search in it without a compiler.
#include "schedules/tuning/space.h"
#include "tests/catch.h"
#include "tools/kernel_plan.h"
#include "tools/layer_search.h"

namespace halconv {

namespace {

std::vector<Layer> layers() {
    std::vector<std::string> files;
    for (const char *name : {"dcgan", "depthwise_up", "dilated", "fcn", "hifigan", "mobilenetv2", "pix2pix", "resnet50",
                             "stylegan2", "superres", "unet", "vgg", "volumetric"}) {
        files.push_back(std::string(HALCONV_TEST_LAYERS "/workload/") + name + ".jsonl");
    }
    return load_layers(files, [](const std::string &) {});
}

const TargetRow &row_of(const std::string &name) { return *parse_target(name).row; }

// A made-up time: some parameter of the schedule decides, so that there is something to find.
double made_up_ratio(const Schedule &s) {
    return 0.5 + 0.05 * std::abs(s.tile_x - 5) + 0.1 * std::abs(s.vectors - 2) + (s.stage ? 0.1 : 0);
}

CandidateResult result_of(double ratio) {
    CandidateResult result;
    result.time_us = 100 * ratio, result.default_time_us = 100;
    result.ratio = ratio, result.ratio_low = ratio * 0.999, result.ratio_high = ratio * 1.001;
    result.samples = 5;
    return result;
}

}  // namespace

TEST_CASE("the space of a graphics processor refuses what no kernel can be made of") {
    const Layer layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/14_3x3", nullptr);
    const halconv_key key = layer_key(layer);
    const TargetRow &target = *parse_gpu_target("cuda-sm90").row;
    const SearchSpace space(key, target, HALCONV_STRICT);
    const Schedule good = candidates(key, target, HALCONV_STRICT).front().schedule;
    auto fault_with = [&](auto change) {
        Schedule changed = good;
        change(changed);
        return space.fault(changed);
    };
    CHECK(fault_with([](Schedule &) {}) == "");
    CHECK(fault_with([](Schedule &s) { s.gpu.reset(); }) == "the schedule is of a processor");
    CHECK(fault_with([](Schedule &s) { s.gpu->thread_x = 0; }) == "an extent is out of range");
    CHECK(fault_with([](Schedule &s) { s.vectors = 1 << 20; }) == "an extent is out of range");
    CHECK(fault_with([](Schedule &s) { s.form = HALCONV_FORM_DEPTHWISE; }) != "");
    CHECK(fault_with([](Schedule &s) { s.gpu->operands = GpuSchedule::Operands::kThread; }) != "");
    CHECK(fault_with([](Schedule &s) { s.gpu->taps = GpuSchedule::Taps::kRow; }) ==
          "panels of a row of taps are for few input channels");
    CHECK(fault_with([](Schedule &s) { s.gpu->chunk = 48; }) == "panels do not divide the input channels");
    CHECK(fault_with([](Schedule &s) { s.gpu->thread_y = s.tile_y = 64, s.gpu->thread_c = s.vectors = 8; }) ==
          "a thread has too many sums");
    CHECK(SearchSpace(key, row_of("x86-avx2"), HALCONV_STRICT).fault(good) ==
          "the schedule is of a graphics processor");
}

TEST_CASE("the space refuses schedules that no kernel can be made of") {
    const Layer layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/14_3x3", nullptr);
    const halconv_key key = layer_key(layer);
    const TargetRow &target = row_of("x86-avx512");
    const SearchSpace space(key, target, HALCONV_STRICT);
    Schedule good;
    good.tile_x = 14, good.vectors = 2, good.lanes = target.vector_lanes, good.rows = 2;
    REQUIRE(space.fault(good) == "");
    auto fault_with = [&](auto change) {
        Schedule s = good;
        change(s);
        return space.fault(s);
    };
    CHECK(fault_with([](Schedule &s) { s.tile_x = 15; }) != "");
    CHECK(fault_with([](Schedule &s) { s.vectors = 3; }) != "");
    CHECK(fault_with([](Schedule &s) { s.lanes = 32; }) != "");
    CHECK(fault_with([](Schedule &s) { s.lanes = 5; }) != "");
    CHECK(fault_with([](Schedule &s) { s.rows = 0; }) != "");
    CHECK(fault_with([](Schedule &s) { s.tile_x = 7, s.tile_y = 2, s.rows = 3; }) != "");
    CHECK(fault_with([](Schedule &s) { s.stage = false; }) != "");
    CHECK(fault_with([](Schedule &s) { s.columns = 14; }) != "");
    CHECK(fault_with([](Schedule &s) { s.channels = 32; }) != "");
    CHECK(fault_with([](Schedule &s) { s.share = true; }) != "");
    CHECK(fault_with([](Schedule &s) { s.form = HALCONV_FORM_PHASE; }) != "");
    CHECK(fault_with([](Schedule &s) { s.form = HALCONV_FORM_WINOGRAD2; }) != "");
    CHECK(fault_with([](Schedule &s) { s.rows = 14; }) != "");  // one task for two threads
    CHECK_THAT(space.text(), Catch::Matchers::Contains("direct") && Catch::Matchers::Contains("tile_x 1 .. 14"));
}

TEST_CASE("products by lane are drawn where the target has them, and only of dense forms") {
    auto widest = [](const char *target, halconv_form form) {
        int lanes = 0;
        for (const Layer &layer : layers()) {
            const SearchSpace space(layer_key(layer), row_of(target), HALCONV_FAST);
            Random random(3);
            for (int i = 0; i < 20; i++) {
                const Schedule s = space.draw(random);
                lanes = s.form == form ? std::max(lanes, s.operand_lanes) : lanes;
            }
        }
        return lanes;
    };
    for (halconv_form form :
         {HALCONV_FORM_DIRECT, HALCONV_FORM_PHASE, HALCONV_FORM_ROW_FUSED, HALCONV_FORM_WINOGRAD2}) {
        INFO(form_name(form));
        CHECK(widest("arm-neon", form) == 4);
        CHECK(widest("arm-neon-inorder", form) == 1);
    }
    CHECK(widest("arm-neon", HALCONV_FORM_DEPTHWISE) == 1);
    CHECK(widest("x86-avx512", HALCONV_FORM_DIRECT) == 1);

    const Layer layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/14_3x3", nullptr);
    const SearchSpace space(layer_key(layer), row_of("arm-neon"), HALCONV_STRICT);
    Schedule good;
    good.tile_x = 7, good.vectors = 2, good.lanes = 4, good.rows = 2, good.operand_lanes = 4;
    CHECK(space.fault(good) == "");
    good.operand_lanes = 2;
    CHECK(space.fault(good) != "");
    good.operand_lanes = 4, good.tile_x = 14;  // 28 sums, 14 operands
    CHECK(space.fault(good) != "");
}

TEST_CASE("a search learns, proposes nothing twice, and depends on nothing but results and the seed") {
    const Layer layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/14_3x3", nullptr);
    auto search_with = [&](uint64_t seed) {
        LayerSearch search(layer, row_of("x86-avx512"), {}, seed);
        std::vector<std::string> proposals;
        for (int generation = 0; generation < 12; generation++) {
            for (const Schedule &s : search.propose(6, search.samples())) {
                const std::string text = form_text(s) + " " + schedule_text(s);
                CHECK(std::find(proposals.begin(), proposals.end(), text) == proposals.end());
                proposals.push_back(text);
                search.learn(s, 0.05, result_of(made_up_ratio(s)));
            }
            search.end_generation();
        }
        return std::make_pair(proposals, search.fastest()->result.ratio);
    };
    const auto [first, best] = search_with(1);
    CHECK(search_with(1).first == first);
    CHECK(search_with(2).first != first);
    CHECK(first.size() > 60);
    const LayerSearch fresh(layer, row_of("x86-avx512"), {}, 1);
    CHECK(best < 0.75);
    CHECK(best < made_up_ratio(fresh.default_schedule()));
}

TEST_CASE("what cannot be told from the fastest is timed again") {
    const Layer layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/14_3x3", nullptr);
    LayerSearch search(layer, row_of("x86-avx512"), {}, 1);
    const std::vector<Schedule> proposed = search.propose(3, {});
    REQUIRE(proposed.size() == 3);
    search.learn(proposed[0], 0.05, result_of(1));
    search.learn(proposed[1], 0.05, result_of(0.9));
    CHECK(search.undecided(0.2, 3).empty());
    search.learn(proposed[2], 0.05, result_of(0.9005));
    REQUIRE(search.undecided(0.2, 3).size() == 2);
    CHECK(same_schedule(search.undecided(0.2, 3)[0], proposed[1]));
    CHECK(search.undecided(0.2, 1).empty());
    search.learn(proposed[1], 0.2, result_of(0.9));
    REQUIRE(search.undecided(0.2, 3).size() == 1);
    CHECK(same_schedule(search.undecided(0.2, 3)[0], proposed[2]));
    CandidateResult failed;
    failed.failed_step = "check", failed.failure = "wrong result";
    search.learn(proposed[1], 0.2, failed);
    CHECK(same_schedule(search.fastest()->schedule, proposed[2]));
}

}  // namespace halconv
