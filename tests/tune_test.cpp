// The search around an injected command that measures: a script with made-up times, which may crash, hang or lie.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/catch.h"
#include "tests/scratch.h"
#include "tools/tune.h"

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
        CHECK(o.recorded);
    }
    CHECK(text_of(second.search()) == text_of(outcomes));
}

TEST_CASE("resume times only the winners again and finds the same") {
    Setup setup(kHonest);
    const std::string found = text_of(setup.search());
    const size_t calls = setup.calls();
    setup.options.resume = true;
    CHECK(text_of(setup.search()) == found);
    const size_t again = setup.calls() - calls;
    CHECK(again > 0);
    CHECK(again < calls / 4);
    setup.options.resume = false;
    CHECK(text_of(setup.search()) == found);
    CHECK(setup.calls() == 2 * calls + again);
}

TEST_CASE("a tuner that is killed again and again comes to the same end") {
    Setup whole(kHonest), killed(kHonest);
    const std::string found = text_of(whole.search());
    killed.options.resume = true;
    std::mt19937 random(5);
    int64_t stored = 0;
    for (int i = 0; i < 6; i++) {
        pid_t child = fork();
        if (child == 0) {
            killed.search();
            _exit(0);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(30 + random() % 100));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        CHECK(killed.stored() >= stored);
        stored = killed.stored();
    }
    CHECK(stored > 0);
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
