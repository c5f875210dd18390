// The search around an injected command that measures: a script with made-up times, which may crash, hang or lie.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "schedules/tuning/versions.h"
#include "tests/catch.h"
#include "tests/child.h"
#include "tests/scratch.h"
#include "tools/confirmation.h"
#include "tools/kernel_plan.h"
#include "tools/tune.h"
#include "tools/tune_outcomes.h"
#include "tools/tune_report.h"

namespace halconv {

namespace {

using Catch::Matchers::Contains;

const TrialConditions kHere{"a processor", 1, "21.0.0", 1, 1};

// A ratio from 0.5 to 1.5 by the candidate's text, and a line in calls.txt for each call.
constexpr const char *kHonest =
    "n=$(cksum < \"$1\" | cut -d' ' -f1)\n"
    "echo call >> \"$(dirname \"$0\")/calls.txt\"\n"
    "r=$(printf '%d.%03d' $(( (n % 1000 + 500) / 1000 )) $(( (n % 1000 + 500) % 1000 )))\n"
    "echo '{\"ok\":true,\"time_us\":'$r',\"default_time_us\":1,\"ratio\":'$r',\"ratio_low\":'$r',\"ratio_high\":'$r','"
    "'\"spread\":0,\"samples\":5,\"compile_seconds\":0}'\n";

struct Setup {
    Scratch scratch;
    TuneOptions options;
    std::vector<Layer> layers;

    explicit Setup(const std::string &script) {
        const std::string path = scratch.write("measure.sh", "#!/bin/sh\n" + script);
        chmod(path.c_str(), 0755);
        options.measure = {path};
        options.target = "x86-avx2";
        options.minutes = 0.5, options.jobs = 2;
        layers = load_layers({HALCONV_TEST_LAYERS "/workload/dcgan.jsonl#dcgan/g1",
                              HALCONV_TEST_LAYERS "/workload/mobilenetv2.jsonl#mobilenetv2/dw7"},
                             nullptr);
    }
    std::vector<LayerOutcome> search() {
        TrialStore store(scratch / "trials.sqlite", kHere);
        return search_schedules(layers, options, store);
    }
    int64_t stored() const { return TrialStore(scratch / "trials.sqlite", kHere).count(); }
    // The layer's stored trials, in the order in which they ended.
    std::vector<std::string> trials(size_t layer) const {
        std::vector<std::string> texts;
        for (const Trial &t :
             TrialStore(scratch / "trials.sqlite", kHere).trials({layers[layer], options.target, {}})) {
            texts.push_back(form_text(t.candidate.schedule) + " " + schedule_text(t.candidate.schedule) + " " +
                            std::to_string(t.seconds) + " " + result_json(t.result).dump());
        }
        return texts;
    }
    size_t calls() const {
        std::ifstream file(scratch / "calls.txt");
        return size_t(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
    }
};

std::string text_of(const std::vector<LayerOutcome> &outcomes) {
    std::string text;
    for (const LayerOutcome &o : outcomes) {
        text += o.layer.name + " " + form_text(o.schedule) + " " + schedule_text(o.schedule) + " " +
                std::to_string(o.result.ratio) + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("a search stores every trial, and the same times give the same winners") {
    Setup first(kHonest), second(kHonest);
    const std::vector<LayerOutcome> outcomes = first.search();
    REQUIRE(outcomes.size() == 2);
    CHECK(int64_t(first.calls()) == first.stored());
    CHECK(outcomes[0].trials + outcomes[1].trials == int(first.stored()));
    for (const LayerOutcome &o : outcomes) {
        CHECK(o.failed == 0);
        CHECK(o.trials > 10);
        CHECK(o.result.ratio < 0.8);
        CHECK(o.confirmed);
        CHECK(o.processes == kConfirmingProcesses);
    }
    CHECK(text_of(second.search()) == text_of(outcomes));
}

TEST_CASE("what a search found is no winner where a process that confirms finds it no faster") {
    // Whatever is timed for 0.6 s takes as long again as the default.
    Setup setup(
        std::string("if [ \"$3\" = 0.6 ]; then echo '{\"ok\":true,\"time_us\":2,\"default_time_us\":1,\"ratio\":2,"
                    "\"ratio_low\":2,\"ratio_high\":2,\"spread\":0,\"samples\":5,\"compile_seconds\":0}'; exit; fi\n") +
        kHonest);
    const std::vector<LayerOutcome> outcomes = setup.search();
    for (const LayerOutcome &o : outcomes) {
        CHECK(!o.confirmed);
        CHECK(o.decided);
        CHECK(o.processes == 1);
        CHECK(o.result.ratio == 2);
    }
    const OutcomeTotals totals = totals_of(outcomes);
    CHECK(totals.confirmed == 0);
    CHECK(totals.refuted == 2);
    CHECK(totals.speedup == 1);
    CHECK(int64_t(totals.trials) == setup.stored());
}

TEST_CASE("resume times only the winners again and finds the same") {
    Setup setup(kHonest);
    const std::string found = text_of(setup.search());
    const size_t calls = setup.calls();
    setup.options.resume = true;
    CHECK(text_of(setup.search()) == found);
    const size_t again = setup.calls() - calls;
    constexpr size_t kContenders = 3;  // of a layer, at most
    CHECK(again > 0);
    CHECK(again <= kContenders * kConfirmingProcesses * setup.layers.size());
    CHECK(again < calls);
    setup.options.resume = false;
    CHECK(text_of(setup.search()) == found);
    CHECK(setup.calls() == 2 * calls + again);
}

TEST_CASE("a resumed search says which winners hold") {
    // Times of a run are those of the one before, but for the candidates that `slower` says; run 1 has none of them.
    auto script = [](const std::string &slower) {
        return std::string("n=$(cksum < \"$1\" | cut -d' ' -f1)\nm=$(( n % 1000 + 500 ))\n") + slower +
               "\nr=$(printf '%d.%03d' $(( m / 1000 )) $(( m % 1000 )))\n"
               "echo "
               "'{\"ok\":true,\"time_us\":'$r',\"default_time_us\":1,\"ratio\":'$r',\"ratio_low\":'$r',\"ratio_high\":'"
               "$r','"
               "'\"spread\":0,\"samples\":5,\"compile_seconds\":0}'\n";
    };
    Setup setup(script(""));
    for (const LayerOutcome &o : setup.search()) {
        CHECK(o.decided);
        CHECK(!o.earlier);
    }
    setup.options.resume = true;
    const std::vector<LayerOutcome> again = setup.search();
    for (const LayerOutcome &o : again) {
        REQUIRE(o.earlier);
        CHECK(o.earlier->held);
        CHECK(o.earlier->now.ratio == o.earlier->then.ratio);
        CHECK(same_schedule(o.earlier->schedule, o.schedule));
    }
    CHECK(totals_of(again).earlier == 2);
    CHECK(totals_of(again).held == 2);
    CHECK(totals_of(again).again_speedup == Approx(totals_of(again).speedup));

    setup.scratch.write("measure.sh", "#!/bin/sh\n" + script("m=$(( m + 1000 ))"));
    const std::vector<LayerOutcome> worse = setup.search();
    for (const LayerOutcome &o : worse) {
        REQUIRE(o.earlier);
        CHECK(!o.earlier->held);
        CHECK(o.earlier->now.ratio == Approx(o.earlier->then.ratio + 1));
    }
    CHECK(totals_of(worse).held == 0);
    CHECK(totals_of(worse).again_speedup < 1);
}

TEST_CASE("what the file has costs a resumed search none of its time, and winners are timed to the end") {
    Setup setup(kHonest);
    const std::string found = text_of(setup.search());
    const size_t calls = setup.calls();
    setup.options.resume = true;
    setup.options.minutes = 1e-9;
    CHECK(text_of(setup.search()) == found);
    CHECK(setup.calls() > calls);
    setup.options.resume = false;
    CHECK(setup.search().empty());
}

TEST_CASE("a search that resumes from other records knows what the file has") {
    Setup setup(kHonest);
    const std::vector<LayerOutcome> before = setup.search();
    REQUIRE(before.size() == 2);
    TuningRecord record;
    record.candidate = {setup.layers[0], "x86-avx2", {}};
    record.cpu = "a processor", record.time_us = 1, record.default_time_us = 2;
    record.halide = halide_version();
    record.schedule_version = kScheduleVersion, record.algorithm_version = kAlgorithmVersion;
    const SearchSpace space(layer_key(setup.layers[0]), *parse_target("x86-avx2").row, HALCONV_DEFAULT);
    Random random(7);
    TrialStore store(setup.scratch / "trials.sqlite", kHere);
    do {
        record.candidate.schedule = space.draw(random);
    } while (store.find(record.candidate, 0.05));
    write_records({record}, setup.scratch / "records.jsonl");
    setup.options.winners = setup.scratch / "records.jsonl";
    setup.options.resume = true;
    setup.options.minutes = 1e-9;
    const std::vector<LayerOutcome> after = setup.search();
    REQUIRE(after.size() == 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK(same_schedule(after[i].schedule, before[i].schedule));
    }
}

TEST_CASE("trials against another default schedule, of another analytic model, are timed again") {
    Setup setup(kHonest);
    setup.search();
    const size_t calls = setup.calls();
    const std::vector<Trial> trials =
        TrialStore(setup.scratch / "trials.sqlite", kHere).trials({setup.layers[0], setup.options.target, {}});
    REQUIRE(!trials.empty());
    CHECK_THAT(trials[0].result.against, Contains("tile"));
    setup.layers.resize(1);
    std::filesystem::remove(setup.scratch / "trials.sqlite");
    for (Trial trial : trials) {
        trial.result.against = "another";
        TrialStore(setup.scratch / "trials.sqlite", kHere).record(trial);
    }
    setup.options.resume = true;
    const std::vector<LayerOutcome> outcomes = setup.search();
    CHECK(!outcomes.at(0).earlier);
    CHECK(setup.calls() >= calls + size_t(outcomes[0].trials));
}

TEST_CASE("totals and page compare with the other schedulers, each on the layers that it could do") {
    auto timed = [](double ratio) {
        CandidateResult r;
        r.time_us = 100 * ratio, r.default_time_us = 100, r.ratio = r.ratio_low = r.ratio_high = ratio, r.samples = 5;
        return r;
    };
    CandidateResult failed;
    failed.failed_step = "compile", failed.failure = "ended by <signal> 11";
    std::vector<LayerOutcome> outcomes;
    for (Layer &layer : Setup(kHonest).layers) {
        outcomes.push_back({layer, {}, timed(0.5), 4, 3, 0, {timed(2), timed(8)}, true, true, std::nullopt});
    }
    outcomes[1].others = {failed, timed(0.5)};
    const OutcomeTotals totals = totals_of(outcomes);
    CHECK(totals.speedup == Approx(2));
    REQUIRE(totals.others.size() == 2);
    CHECK(totals.others[0].timed == 1);
    CHECK(totals.others[0].failed == 1);
    CHECK(totals.others[0].geomean == Approx(4));
    CHECK(totals.others[1].timed == 2);
    CHECK(totals.others[1].geomean == Approx(4));  // of 16 and 1
    Machine machine{};
    machine.cpu = "a processor", machine.threads = 1, machine.fma_peak = 100;
    const std::string page = tune_page({outcomes, {{}, {}}, machine, "x86-avx2"});
    CHECK_THAT(page, Contains("<th>Adams2019 us</th>") && Contains("<td>200.0</td><td>4.00</td>") &&
                         Contains("compile: ended by &lt;signal&gt; 11") && Contains("<td>4.00</td></tr></table>"));
    outcomes[0].others.clear(), outcomes[1].others.clear();
    CHECK_THAT(tune_page({outcomes, {{}, {}}, machine, "x86-avx2"}), !Contains("Adams2019"));
}

TEST_CASE("two tuners on one file, killed 50 times, lose no finished trial and come to the same end") {
    Setup whole(kHonest), killed(kHonest);
    const std::string found = text_of(whole.search());
    killed.options.resume = true;
    std::mt19937 random(5);
    auto start = [&] { return start_child([&] { killed.search(); }); };
    pid_t tuners[] = {start(), start()};
    for (int i = 0; i < 50; i++) {
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
        const std::vector<std::string> finished[] = {killed.trials(0), killed.trials(1)};
        pid_t &victim = tuners[random() % 2];
        kill(victim, SIGKILL);
        waitpid(victim, nullptr, 0);
        for (size_t layer : {0, 1}) {
            const std::vector<std::string> left = killed.trials(layer);
            REQUIRE(left.size() >= finished[layer].size());
            CHECK(std::equal(finished[layer].begin(), finished[layer].end(), left.begin()));
        }
        victim = start();
    }
    CHECK(killed.stored() > 0);
    for (pid_t tuner : tuners) {
        int status = 1;
        waitpid(tuner, &status, 0);
        CHECK(status == 0);
    }
    CHECK(text_of(killed.search()) == found);
}

TEST_CASE("a crash, a hang, nonsense and a wrong result cost one candidate each") {
    const TuningCandidate candidate = [] {
        TuningCandidate c;
        c.layer = load_layer(HALCONV_TEST_LAYERS "/workload/dcgan.jsonl#dcgan/g1", nullptr);
        c.target = "x86-avx2";
        return c;
    }();
    auto failure_of = [&](const std::string &script) {
        Setup setup(script);
        setup.options.limits.seconds = 0.5;
        const CandidateResult result = measure_by_command(candidate, 0.05, setup.options);
        CHECK(!result.ok());
        return result.failure;
    };
    CHECK_THAT(failure_of("kill -SEGV $$"), Contains("signal 11"));
    CHECK_THAT(failure_of("exec sleep 100"), Contains("killed after 0.5 s"));
    CHECK_THAT(failure_of("sleep 100 & wait"), Contains("killed after 0.5 s"));
    CHECK_THAT(failure_of("exit 3"), Contains("status 3"));
    CHECK_THAT(failure_of("echo fast"), Contains("not valid JSON"));
    CHECK_THAT(failure_of("echo '{\"ok\":true}'"), Contains("not the line"));
    CHECK_THAT(failure_of("echo '{\"ok\":true,\"time_us\":-1,\"default_time_us\":1,\"ratio\":1,\"ratio_low\":1,"
                          "\"ratio_high\":1,\"spread\":0,\"samples\":5,\"compile_seconds\":0}'"),
               Contains("positive"));
    CHECK(failure_of("echo '{\"ok\":false,\"step\":\"check\",\"reason\":\"wrong result\"}'; exit 1") == "wrong result");
}

TEST_CASE("a search goes on when candidates fail, and records none of them") {
    // Every third call crashes, every third hangs beyond its limit or reports a wrong result.
    Setup setup(std::string("n=$(cksum < \"$1\" | cut -d' ' -f1)\n"
                            "case $(( n % 6 )) in 0|1) kill -SEGV $$;; 2) exec sleep 100;; 3) echo '{\"ok\":false,"
                            "\"step\":\"check\",\"reason\":\"wrong result\"}'; exit 1;; esac\n") +
                kHonest);
    setup.options.limits.seconds = 0.2;
    setup.options.minutes = 0.1;
    const std::vector<LayerOutcome> outcomes = setup.search();
    int failed = 0;
    for (const LayerOutcome &o : outcomes) {
        CHECK(o.result.ok());
        CHECK(o.failed < o.trials);
        failed += o.failed;
    }
    CHECK(failed > 2);
}

TEST_CASE("memory is limited") {
    Setup setup("exec python3 -c 'bytearray(1 << 30)' 2>/dev/null");
    setup.options.limits = {20, int64_t(512) << 20};
    const CandidateResult result =
        measure_by_command({load_layer(HALCONV_TEST_LAYERS "/workload/dcgan.jsonl#dcgan/g1", nullptr), "x86-avx2", {}},
                           0.05, setup.options);
    CHECK(!result.ok());
}

TEST_CASE("what a forked step may do is limited") {
    CHECK(fork_limited([] { return std::string("done"); }, 0).out == "done");
    CHECK(fork_limited([]() -> std::string { throw std::runtime_error("no such thing"); }, 0).failure ==
          "no such thing");
    CHECK_THAT(fork_limited(
                   []() -> std::string {
                       kill(getpid(), SIGKILL);
                       return "";
                   },
                   0)
                   .failure,
               Contains("signal 9"));
    const ProcessEnd hung = fork_limited(
        []() -> std::string {
            restart_limit(0.2);
            for (;;) {
                pause();
            }
        },
        0);
    CHECK(hung.timed_out);
    CHECK(hung.failure == "took too long");
    const ProcessEnd large =
        fork_limited([] { return std::string(std::vector<char>(size_t(2) << 30, 'x').data(), 1); }, int64_t(1) << 30);
    CHECK(large.failure != "");
}

}  // namespace halconv
