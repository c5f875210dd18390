// Records and the store of trials: what is written comes back, and survives whatever ends the writer.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "schedules/tuning/versions.h"
#include "tests/catch.h"
#include "tests/scratch.h"
#include "tools/kernel_plan.h"
#include "tools/trial_store.h"

namespace halconv {

namespace {

using Catch::Matchers::Contains;

const TrialConditions kHere{"a processor", 1, "21.0.0", 1, 1};

TuningCandidate some_candidate() {
    TuningCandidate candidate;
    candidate.layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/14_3x3", nullptr);
    candidate.target = "x86-avx512";
    candidate.schedule.tile_x = 14, candidate.schedule.vectors = 2, candidate.schedule.lanes = 16;
    candidate.schedule.rows = 2;
    return candidate;
}

CandidateResult some_result(double time_us) {
    CandidateResult result;
    result.time_us = time_us, result.default_time_us = 2 * time_us, result.ratio = 0.5;
    result.ratio_low = 0.49, result.ratio_high = 0.51, result.spread = 0.02, result.samples = 9;
    return result;
}

TuningRecord some_record() {
    TuningRecord record;
    record.candidate = some_candidate();
    record.cpu = "a processor", record.time_us = 12.5, record.spread = 0.02, record.default_time_us = 14.25;
    record.halide = halide_version(), record.schedule_version = kScheduleVersion;
    record.algorithm_version = kAlgorithmVersion;
    return record;
}

}  // namespace

TEST_CASE("a record survives the round trip through its text, every parameter of it") {
    TuningRecord record = some_record();
    Schedule &s = record.candidate.schedule;
    s.form = HALCONV_FORM_PHASE, s.tile_y = 3, s.columns = 28, s.channels = 64, s.rows = 9;
    s.parallel = ParallelAxis::kChannelsAndPhases, s.stage = false, s.share = true, s.prefetch_output = true;
    s.skip[0] = s.skip[2] = true, s.operand_lanes = 4;
    const std::string text = record_json(record).dump();
    const TuningRecord back = parse_record(parse_json(text, "here"), "here");
    CHECK(record_json(back).dump() == text);
    CHECK(form_text(back.candidate.schedule) + schedule_text(back.candidate.schedule) ==
          form_text(s) + schedule_text(s));
    CHECK(back.candidate.schedule.skip[0]);
    CHECK(!back.candidate.schedule.skip[1]);
    CHECK(back.time_us == 12.5);
}

TEST_CASE("a schedule that says nothing of operands broadcasts each") {
    const OrderedJson object = schedule_json(Schedule());
    CHECK(!object.contains("operand_lanes"));
    CHECK(parse_schedule("direct", object, "here").operand_lanes == 1);
}

TEST_CASE("bad records are refused with place and key") {
    const OrderedJson good = record_json(some_record());
    auto fault_with = [&](auto change) -> std::string {
        OrderedJson object = good;
        change(object);
        try {
            parse_record(object, "file.jsonl:3");
        } catch (const InputError &error) {
            return error.what();
        }
        return "";
    };
    CHECK(fault_with([](OrderedJson &) {}) == "");
    CHECK_THAT(fault_with([](OrderedJson &o) { o["colour"] = 1; }),
               Contains("file.jsonl:3: key \"colour\" is unknown"));
    CHECK_THAT(fault_with([](OrderedJson &o) { o.erase("form"); }), Contains("key \"form\" is missing"));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["form"] = "fft"; }), Contains("\"fft\""));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["target"] = "x86-mmx"; }), Contains("unknown target"));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["time_us"] = "fast"; }), Contains("key \"time_us\""));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["schedule"]["tile_x"] = 1.5; }), Contains("key \"tile_x\""));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["schedule"]["skip"] = "w"; }), Contains("key \"skip\""));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["schedule"]["parallel"] = "all"; }), Contains("key \"parallel\""));
    CHECK_THAT(fault_with([](OrderedJson &o) { o["problem"]["ci"] = 0; }), Contains("key \"problem\""));
    CHECK_THAT(fault_with([](OrderedJson &o) { o = OrderedJson::array(); }), Contains("JSON object"));
}

TEST_CASE("stale records are counted and not used") {
    TuningRecord halide = some_record(), schedule = some_record(), algorithm = some_record(), illegal = some_record();
    halide.halide = "19.0.0";
    schedule.schedule_version = kScheduleVersion + 1;
    algorithm.algorithm_version = kAlgorithmVersion + 1;
    illegal.candidate.schedule.vectors = 4;
    CHECK(stale_reason(some_record()) == "");
    Scratch scratch;
    const TuningRecord good = some_record();
    write_records({halide, schedule, algorithm, illegal}, scratch / "stale.jsonl");
    TuningRecords records;
    records.read(scratch / "stale.jsonl");
    CHECK(records.stale() == 4);
    const TargetRow &target = *parse_target("x86-avx512").row;
    const halconv_key key = layer_key(good.candidate.layer);
    CHECK(!records.find(key, target, HALCONV_DEFAULT));
    write_records({halide, good}, scratch / "both.jsonl");
    records.read(scratch / "both.jsonl");
    CHECK(records.stale() == 5);
    const TuningRecord *found = records.find(key, target, HALCONV_DEFAULT);
    REQUIRE(found);
    CHECK(found->time_us == good.time_us);
    CHECK(!records.find(key, target, HALCONV_STRICT));
    CHECK(!records.find(key, *parse_target("x86-avx2").row, HALCONV_DEFAULT));
    halconv_key other = key;
    other.batch = 2;
    CHECK(!records.find(other, target, HALCONV_DEFAULT));
}

TEST_CASE("records change the kernel of their own problem only, and the table says so") {
    const Layer tuned = some_candidate().layer;
    const Layer other = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/28_3x3", nullptr);
    Scratch scratch;
    write_records({some_record()}, scratch / "records.jsonl");
    BuildOptions options;
    options.targets = {"x86-avx512"};
    const std::vector<KernelJob> before = plan_kernels({tuned, other}, options);
    options.records = records_to_use(scratch / "records.jsonl", nullptr);
    const std::vector<KernelJob> after = plan_kernels({tuned, other}, options);
    REQUIRE(before.size() == 2);
    REQUIRE(after.size() == 2);
    CHECK(before[0].origin == "default");
    CHECK(after[0].origin == "record");
    CHECK(schedule_text(after[0].compile.schedule) == schedule_text(some_candidate().schedule));
    CHECK(after[0].name != before[0].name);
    CHECK(after[1].origin == "default");
    CHECK(after[1].name == before[1].name);
}

TEST_CASE("a file of records is sorted, whatever order they came in") {
    TuningRecord a = some_record(), b = some_record();
    b.candidate.layer = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/7_3x3", nullptr);
    Scratch scratch;
    write_records({a, b}, scratch / "1.jsonl");
    write_records({b, a}, scratch / "2.jsonl");
    auto bytes = [&](const char *name) {
        std::ifstream file(scratch / name);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    CHECK(bytes("1.jsonl") == bytes("2.jsonl"));
    CHECK(bytes("1.jsonl").size() > 100);
}

TEST_CASE("trials come back, those of other conditions do not") {
    Scratch scratch;
    const TuningCandidate candidate = some_candidate();
    TuningCandidate other = candidate;
    other.schedule.rows = 4;
    {
        TrialStore store(scratch / "trials.sqlite", kHere);
        store.record({candidate, 0.05, some_result(100)});
        store.record({candidate, 0.05, some_result(90)});
        CandidateResult failed;
        failed.failed_step = "check", failed.failure = "wrong result";
        store.record({other, 0.05, failed});
    }
    TrialStore store(scratch / "trials.sqlite", kHere);
    CHECK(store.count() == 3);
    CHECK(store.stale() == 0);
    REQUIRE(store.find(candidate, 0.05));
    CHECK(store.find(candidate, 0.05)->time_us == 90);
    CHECK(store.find(other, 0.05)->failure == "wrong result");
    CHECK(!store.find(candidate, 0.2));
    REQUIRE(store.trials(candidate).size() == 3);
    CHECK(schedule_text(store.trials(candidate)[2].candidate.schedule) == schedule_text(other.schedule));
    for (TrialConditions changed : {TrialConditions{"another processor", 1, "21.0.0", 1, 1},
                                    {"a processor", 2, "21.0.0", 1, 1},
                                    {"a processor", 1, "22.0.0", 1, 1},
                                    {"a processor", 1, "21.0.0", 2, 1},
                                    {"a processor", 1, "21.0.0", 1, 2}}) {
        TrialStore elsewhere(scratch / "trials.sqlite", changed);
        CHECK(elsewhere.stale() == 3);
        CHECK(!elsewhere.find(candidate, 0.05));
        CHECK(elsewhere.trials(candidate).empty());
    }
}

TEST_CASE("a file that is no store is refused and left alone") {
    Scratch scratch;
    const std::string path = scratch.write("notes.txt", std::string(5000, 'x'));
    CHECK_THROWS_AS(TrialStore(path, kHere), InputError);
    std::ifstream file(path);
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == std::string(5000, 'x'));
    CHECK_THROWS_AS(TrialStore(scratch / "none/trials.sqlite", kHere), InputError);
}

TEST_CASE("two tuners write one file") {
    Scratch scratch;
    constexpr int kEach = 40;
    auto write = [&](double time_us) {
        TrialStore store(scratch / "trials.sqlite", kHere);
        for (int i = 0; i < kEach; i++) {
            store.record({some_candidate(), 0.05, some_result(time_us)});
        }
    };
    pid_t child = fork();
    if (child == 0) {
        write(1);
        _exit(0);
    }
    write(2);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(TrialStore(scratch / "trials.sqlite", kHere).count() == 2 * kEach);
}

TEST_CASE("50 kills at random moments lose no finished trial") {
    Scratch scratch;
    std::mt19937 random(3);
    int64_t finished = 0;
    for (int kill_number = 0; kill_number < 50; kill_number++) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0) {
            TrialStore store(scratch / "trials.sqlite", kHere);
            for (;;) {
                store.record({some_candidate(), 0.05, some_result(1)});
                if (write(ends[1], "+", 1) != 1) {
                    _exit(1);
                }
            }
        }
        close(ends[1]);
        char told[4096];
        for (uint32_t acknowledged = random() % 5; acknowledged > 0; acknowledged--) {
            finished += read(ends[0], told, 1);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        for (ssize_t n; (n = read(ends[0], told, sizeof told)) > 0;) {
            finished += n;
        }
        close(ends[0]);
        TrialStore store(scratch / "trials.sqlite", kHere);
        CHECK(store.count() >= finished);
        CHECK(store.count() <= finished + kill_number + 1);  // the last may be stored and not yet told
        CHECK(int64_t(store.trials(some_candidate()).size()) == store.count());
    }
    CHECK(finished > 50);
}

}  // namespace halconv
