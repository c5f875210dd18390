// GPU targets and schedules as data: what is legal, and that every layer of the workload has a schedule.
#include "schedules/gpu/legal.h"
#include "schedules/gpu/model.h"
#include "schedules/tuning/versions.h"
#include "tests/catch.h"
#include "tools/kernel_plan.h"
#include "tools/layer_object.h"
#include "tools/tuning_record.h"

namespace halconv {

namespace {

using Catch::Contains;

halconv_key key_of(const std::string &text) {
    return layer_key(parse_layer(text, [](const std::string &) { return "tests/gpu/schedule_test"; }));
}

const halconv_key kKey =
    key_of(R"({"name": "a", "op": "conv", "ci": 64, "co": 64, "in": [56, 56], "kernel": [3, 3], "pad": "SAME"})");

Schedule tile(int y, int x, int c) {
    Schedule s;
    s.tile_y = y, s.tile_x = x, s.vectors = c;
    GpuSchedule gpu;
    gpu.thread_x = 8, gpu.thread_c = 8, gpu.chunk = 16;
    s.gpu = gpu;
    return s;
}

}  // namespace

TEST_CASE("graphics processors are targets of their own", "[gpu]") {
    const Target target = parse_gpu_target("cuda-sm90");
    CHECK(target.row->gpu->chip == std::string("sm_90"));
    CHECK_THAT(target.halide, Contains("-cuda-cuda_capability_86"));
    CHECK_THROWS_WITH(parse_gpu_target("x86-avx2"), Contains("is no graphics processor"));
    CHECK(parse_any_target("cuda-sm90-linux").name == target.name);
    CHECK(parse_any_target("x86-avx2").row == parse_target("x86-avx2").row);
    CHECK_THROWS_WITH(parse_target("cuda-sm90"),
                      "target 'cuda-sm90' is a graphics processor: only build, run, bench and tune take one");
    CHECK_THROWS_WITH(parse_any_target("cuda-sm1"), Contains("unknown target"));
}

TEST_CASE("illegal GPU schedules say why", "[gpu]") {
    const TargetRow &cuda = *parse_gpu_target("cuda-sm80").row, &opencl = *parse_gpu_target("opencl").row;
    auto why = [&](const Schedule &s, const halconv_key &key, const TargetRow &row) {
        return gpu_illegality(key, s, row);
    };
    CHECK(why(tile(8, 16, 128), kKey, cuda) == "");
    CHECK_THAT(why(tile(8, 12, 128), kKey, cuda), Contains("not a multiple of a thread's"));
    CHECK_THAT(why(tile(64, 16, 128), kKey, cuda), Contains("too many threads"));
    Schedule uneven = tile(8, 8, 64), wide = tile(8, 16, 128);
    uneven.gpu->chunk = 48, wide.gpu->chunk = 64;
    CHECK_THAT(why(uneven, kKey, cuda), Contains("do not divide the input channels"));
    CHECK_THAT(why(wide, kKey, cuda), Contains("exceed the shared memory"));
    CHECK_THAT(why(tile(16, 16, 128), kKey, opencl), Contains("too many threads"));
    Schedule parts = tile(8, 8, 64);
    parts.gpu->parts = 4;
    CHECK(why(parts, kKey, cuda) == "");
    parts.gpu->parts = 8;
    CHECK_THAT(why(parts, kKey, cuda), Contains("do not divide the input channels"));
    parts.gpu->parts = 4, parts.gpu->taps = GpuSchedule::Taps::kRow;
    CHECK(why(parts, kKey, cuda) != "");
    Schedule up = tile(8, 8, 64);
    up.form = HALCONV_FORM_PHASE, up.gpu->parts = 4;
    const halconv_key without_taps = key_of(
        R"({"name": "a", "op": "conv_transpose", "ci": 64, "co": 64, "in": [8, 8], "kernel": [1, 1], "stride": [2, 2], "output_padding": [1, 1]})");
    CHECK_THAT(why(up, without_taps, cuda), Contains("without taps"));
    up.gpu->parts = 1, up.gpu->taps = GpuSchedule::Taps::kAll, up.gpu->chunk = 4;
    CHECK_THAT(why(up, without_taps, cuda), Contains("are for conv"));
    halconv_key free_key = kKey;
    free_key.in[2] = HALCONV_FREE;
    CHECK_THAT(why(tile(8, 16, 128), free_key, cuda), Contains("is free"));
    CHECK_THROWS_WITH(default_gpu_schedule(free_key, cuda), Contains("is free"));
}

TEST_CASE("reductions of small grids are split", "[gpu]") {
    const TargetRow &cuda = *parse_gpu_target("cuda-sm90").row;
    auto parts = [&](const std::string &sizes) {
        return default_gpu_schedule(
                   key_of(R"({"name": "a", "op": "conv", "kernel": [3, 3], "pad": "SAME", )" + sizes + "}"), cuda)
            .gpu->parts;
    };
    CHECK(parts(R"("ci": 512, "co": 512, "in": [7, 7])") > 1);
    CHECK(parts(R"("ci": 1024, "co": 64, "in": [1, 1])") > 1);
    CHECK(parts(R"("ci": 64, "co": 64, "in": [224, 224], "n": 16)") == 1);
    CHECK(parts(R"("ci": 4, "co": 64, "in": [7, 7])") == 1);
}

TEST_CASE("the model's GPU schedules are legal, and the default is the first", "[gpu]") {
    for (const TargetRow &row : gpu_target_rows()) {
        const std::vector<Candidate> found = gpu_candidates(kKey, row);
        CHECK(found.size() > 5);
        CHECK(schedule_text(found[0].schedule) == schedule_text(default_gpu_schedule(kKey, row)));
        for (const Candidate &c : found) {
            CHECK(gpu_illegality(kKey, c.schedule, row) == "");
            CHECK(c.predicted_percent > 0);
            CHECK(c.predicted_percent <= found[0].predicted_percent);
        }
    }
}

TEST_CASE("GPU schedules go through tuning records", "[gpu]") {
    TuningRecord record;
    record.candidate.layer = parse_layer(
        R"({"name": "a", "op": "conv", "ci": 64, "co": 64, "in": [56, 56], "kernel": [3, 3], "pad": "SAME"})",
        [](const std::string &) { return "tests/gpu/schedule_test"; });
    record.candidate.schedule = tile(8, 8, 64);
    record.candidate.schedule.gpu->parts = 4, record.candidate.schedule.gpu->taps = GpuSchedule::Taps::kAll;
    record.candidate.schedule.gpu->chunk = 4;
    record.cpu = "a device", record.time_us = 1, record.default_time_us = 2;
    record.halide = halide_version();
    record.schedule_version = kScheduleVersion, record.algorithm_version = kAlgorithmVersion;
    for (const char *target : {"cuda-sm90", "opencl"}) {
        record.candidate.target = target;
        const TuningRecord read = parse_record(record_json(record), "here");
        CHECK(record_json(read) == record_json(record));
        CHECK(schedule_text(read.candidate.schedule) == schedule_text(record.candidate.schedule));
        CHECK(stale_reason(read) == "");
        CHECK(is_portable(read) == (std::string(target) == "cuda-sm90"));
    }
    OrderedJson object = record_json(record);
    object["schedule"]["gpu"]["taps"] = "some";
    CHECK_THROWS_WITH(parse_record(object, "here"), Contains("key \"taps\" is \"some\"; it can be: one, row, all"));
    object["schedule"]["gpu"] = 1;
    CHECK_THROWS_WITH(parse_record(object, "here"), Contains("key \"gpu\": expected a JSON object"));
}

TEST_CASE("every layer has a legal default schedule on every GPU target", "[gpu]") {
    int layers = 0;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(HALCONV_TEST_LAYERS)) {
        if (entry.path().extension() != ".jsonl") {
            continue;
        }
        for (const Layer &layer : load_layers({entry.path().string()}, [](const std::string &) {})) {
            for (const TargetRow &row : gpu_target_rows()) {
                INFO(layer.name << " on " << row.name);
                const halconv_key key = layer_key(layer);
                CHECK(gpu_illegality(key, default_gpu_schedule(key, row), row) == "");
                layers++;
            }
        }
    }
    CHECK(layers > 500);
}

}  // namespace halconv
