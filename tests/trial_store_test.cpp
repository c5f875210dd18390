// Records and the store of trials: what is written comes back, and survives whatever ends the writer.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "schedules/tuning/versions.h"
#include "tests/catch.h"
#include "tests/child.h"
#include "tests/scratch.h"
#include "tools/kernel_plan.h"
#include "tools/trial_store.h"
#include "tools/winners.h"

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

TEST_CASE("a record without measurement says so, and has no times") {
    TuningRecord record = some_record();
    record.measured = false, record.cpu = "neoverse-n1";
    record.cycles = 1000, record.default_cycles = 1250;
    const OrderedJson object = record_json(record);
    CHECK(object["measured"] == false);
    for (const char *key : {"time_us", "default_time_us", "spread", "threads"}) {
        CHECK(!object.contains(key));
    }
    const TuningRecord back = parse_record(object, "here");
    CHECK(record_json(back) == object);
    CHECK(!back.measured);
    CHECK(back.speedup() == 1.25);
    CHECK(!record_json(some_record()).contains("measured"));
    OrderedJson mixed = object;
    mixed["time_us"] = 3.0;
    CHECK_THROWS_WITH(parse_record(mixed, "here"), Contains("\"time_us\" is unknown"));
    OrderedJson measured = record_json(some_record());
    measured["measured"] = true;
    CHECK(parse_record(measured, "here").time_us == 12.5);
    measured["time_us"] = 0;
    CHECK_THROWS_WITH(parse_record(measured, "here"), Contains("\"time_us\" must not be 0"));
}

TEST_CASE("whose records a build takes: the user's, those of this processor, those that should hold on any") {
    const TuningCandidate c = some_candidate();
    const TargetRow &target = *parse_target(c.target).row;
    const halconv_key key = layer_key(c.layer);
    Scratch scratch;
    std::filesystem::create_directory(scratch / "committed");
    auto record = [](const char *cpu, double time_us, int rows) {
        TuningRecord r = some_record();
        r.cpu = cpu, r.time_us = time_us, r.default_time_us = 100, r.candidate.schedule.rows = rows;
        return r;
    };
    auto rows_of_chosen = [&](const std::vector<TuningRecord> &committed, const char *cpu) {
        write_records(committed, scratch / "committed/x86-avx512.jsonl");
        TuningRecords records;
        records.read_folder(scratch / "committed");
        const TuningRecord *found = records.find(key, target, HALCONV_DEFAULT, cpu);
        return found ? found->candidate.schedule.rows : 0;
    };
    const TuningRecord small = record("a processor", 97, 2), large = record("another", 80, 1);
    CHECK(is_portable(large));
    CHECK(!is_portable(small));
    CHECK(rows_of_chosen({small}, "a processor") == 2);
    CHECK(rows_of_chosen({small}, "another") == 0);
    CHECK(rows_of_chosen({small}, "") == 0);
    CHECK(rows_of_chosen({large}, "") == 1);
    CHECK(rows_of_chosen({small, large}, "a processor") == 2);
    CHECK(rows_of_chosen({small, large}, "a third") == 1);
    TuningRecord narrow = large;
    narrow.candidate.schedule.lanes = 8;
    CHECK(!is_portable(narrow));
    CHECK(rows_of_chosen({narrow}, "another") == 1);
    CHECK(rows_of_chosen({narrow}, "") == 0);
    TuningRecord predicted = large;
    predicted.measured = false, predicted.cycles = 50, predicted.default_cycles = 100;
    CHECK(rows_of_chosen({predicted}, "another") == 0);
    CHECK(rows_of_chosen({predicted}, "") == 0);

    // What the user gives is used as it is.
    write_records({small}, scratch / "given.jsonl");
    TuningRecords records;
    records.read(scratch / "given.jsonl");
    records.read_folder(scratch / "committed");
    REQUIRE(records.find(key, target, HALCONV_DEFAULT, ""));
    CHECK(records.find(key, target, HALCONV_DEFAULT, "")->time_us == 97);
}

TEST_CASE("a file of winners keeps what a run does not concern") {
    Scratch scratch;
    const TargetRow *target = parse_target("x86-avx512").row;
    const Layer layer = some_candidate().layer;
    const Layer other = load_layer(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#resnet50/7_3x3", nullptr);
    auto written = [&](const std::vector<TuningRecord> &before, const Verdict &verdict, const VerdictScope &scope) {
        write_records(before, scratch / "winners.jsonl");
        update_winners({verdict}, scope, scratch / "winners.jsonl");
        TuningRecords records;
        records.read(scratch / "winners.jsonl");
        std::vector<double> times;
        for (const TuningRecord &r : records.all()) {
            times.push_back(r.measured ? r.time_us : -r.cycles);
        }
        std::sort(times.begin(), times.end());
        return times;
    };
    const TuningRecord old = some_record();
    TuningRecord fresh = old, elsewhere = old, of_other = old, predicted = old;
    fresh.time_us = 11, elsewhere.time_us = 13, elsewhere.cpu = "another";
    of_other.candidate.layer = other, of_other.time_us = 14;
    of_other.candidate.schedule = candidates(layer_key(other), *target, HALCONV_DEFAULT).front().schedule;
    predicted.measured = false, predicted.cpu = "znver4", predicted.cycles = 1, predicted.default_cycles = 2;
    using Times = std::vector<double>;
    const VerdictScope here{target, "a processor", true}, by_model{target, "znver4", false};
    CHECK(written({old, of_other}, {layer, fresh}, here) == Times{11, 14});
    CHECK(written({old, of_other}, {layer, std::nullopt}, here) == Times{14});
    CHECK(written({old, elsewhere}, {layer, fresh}, here) == Times{11, 13});
    CHECK(written({old}, {layer, fresh}, {parse_target("x86-avx2").row, "a processor", true}).size() == 2);
    CHECK(written({predicted}, {layer, fresh}, here) == Times{11});
    CHECK(written({old}, {layer, predicted}, by_model) == Times{12.5});
    CHECK(written({of_other}, {layer, predicted}, by_model) == Times{-1, 14});
    CHECK(written({predicted, of_other}, {layer, std::nullopt}, by_model) == Times{14});
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
    CHECK(!records.find(key, target, HALCONV_DEFAULT, ""));
    write_records({halide, good}, scratch / "both.jsonl");
    records.read(scratch / "both.jsonl");
    CHECK(records.stale() == 5);
    const TuningRecord *found = records.find(key, target, HALCONV_DEFAULT, "");
    REQUIRE(found);
    CHECK(found->time_us == good.time_us);
    CHECK(!records.find(key, target, HALCONV_STRICT, ""));
    CHECK(!records.find(key, *parse_target("x86-avx2").row, HALCONV_DEFAULT, ""));
    halconv_key other = key;
    other.batch = 2;
    CHECK(!records.find(other, target, HALCONV_DEFAULT, ""));
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

TEST_CASE("a record of the default numerics serves fast ones where these bring no other schedule") {
    std::vector<Layer> layers;
    std::vector<TuningRecord> of_layers;
    for (const char *name : {"resnet50/56_1x1", "resnet50/28_3x3"}) {
        layers.push_back(load_layer(std::string(HALCONV_TEST_LAYERS "/workload/resnet50.jsonl#") + name, nullptr));
        of_layers.push_back(some_record());
        TuningCandidate &candidate = of_layers.back().candidate;
        candidate.layer = layers.back();
        candidate.schedule =
            candidates(layer_key(layers.back()), *parse_target("x86-avx512").row, HALCONV_DEFAULT)[1].schedule;
    }
    Scratch scratch;
    write_records(of_layers, scratch / "records.jsonl");
    BuildOptions options;
    options.targets = {"x86-avx512"};
    options.records = records_to_use(scratch / "records.jsonl", nullptr);
    for (const KernelJob &job : plan_kernels(layers, options)) {
        CHECK(job.origin == "record");
    }
    for (Layer &layer : layers) {
        layer.numerics = HALCONV_FAST;
    }
    const std::vector<KernelJob> fast = plan_kernels(layers, options);
    REQUIRE(fast.size() == 2);
    CHECK(fast[0].origin == "record");
    CHECK(fast[1].origin == "default");
    CHECK(fast[1].compile.schedule.form == HALCONV_FORM_WINOGRAD4);
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

TEST_CASE("tuners that make the same file at the same time wait for each other") {
    for (int round = 0; round < 10; round++) {
        Scratch scratch;
        std::vector<pid_t> children;
        for (int i = 0; i < 6; i++) {
            children.push_back(start_child([&] {
                TrialStore(scratch / "trials.sqlite", kHere).record({some_candidate(), 0.05, some_result(1)});
            }));
        }
        for (pid_t child : children) {
            int status = 1;
            waitpid(child, &status, 0);
            CHECK(status == 0);
        }
        CHECK(TrialStore(scratch / "trials.sqlite", kHere).count() == 6);
    }
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
    const pid_t child = start_child([&] { write(1); });
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
        const pid_t child = start_child([&] {
            TrialStore store(scratch / "trials.sqlite", kHere);
            do {
                store.record({some_candidate(), 0.05, some_result(1)});
            } while (write(ends[1], "+", 1) == 1);
        });
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
