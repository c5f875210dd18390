// When a schedule counts as faster: the rule on given timings of several processes.
#include "tools/confirmation.h"

#include "tests/catch.h"
#include "tools/layer_search.h"

namespace halconv {

namespace {

Schedule tile(int columns) {
    Schedule schedule;
    schedule.tile_x = columns;
    return schedule;
}

// A process that found the candidate to take `ratio` of the default's time, on a machine so much slower.
CandidateResult process(double ratio, double slower = 1) {
    CandidateResult r;
    r.time_us = 100 * ratio * slower, r.default_time_us = 100 * slower, r.ratio = r.ratio_low = r.ratio_high = ratio;
    r.samples = 10;
    return r;
}

CandidateResult crash() {
    CandidateResult r;
    r.failed_step = "run", r.failure = "ended by signal 11";
    return r;
}

bool confirmed(const std::vector<double> &ratios) {
    Confirmation c;
    for (double ratio : ratios) {
        c.processes.push_back(process(ratio));
    }
    return c.confirmed();
}

}  // namespace

TEST_CASE("a schedule is confirmed by four processes that find it faster by more than they differ") {
    CHECK(confirmed({0.90, 0.91, 0.92, 0.90}));
    CHECK(confirmed({0.99, 0.985, 0.988, 0.986}));
    CHECK(!confirmed({0.90, 0.91, 0.92}));           // too few
    CHECK(!confirmed({0.90, 0.91, 1.00, 0.90}));     // one found it no faster
    CHECK(!confirmed({0.97, 0.98, 0.93, 0.99}));     // they differ by 0.06, the gain is 0.025
    CHECK(!confirmed({0.999, 0.99, 0.997, 0.998}));  // by 0.009, the gain is 0.0025
}

TEST_CASE("a confirmation's figures are those of its processes") {
    const Confirmation c{tile(7), {process(0.90, 1.5), process(0.94), process(0.92), process(0.96)}};
    const CandidateResult all = c.result();
    CHECK(all.time_us == Approx(95));  // of 92, 94, 96 and 135
    CHECK(all.ratio == Approx(0.93));
    CHECK(all.default_time_us == Approx(95 / 0.93));
    CHECK(all.ratio_low == 0.90);
    CHECK(all.ratio_high == 0.96);
    CHECK(all.spread == Approx(43 / 95.));
    CHECK(all.samples == 40);
    CHECK(c.confirmed());  // a machine that was slower for one process does not matter
}

TEST_CASE("a contender that a process refutes is not timed again, and the next best wins") {
    Confirmations contenders({tile(1), tile(2), tile(3)});
    CHECK(contenders.open().size() == 3);
    CHECK(contenders.best() == nullptr);
    contenders.add(tile(1), process(1.01)), contenders.add(tile(2), process(0.95)), contenders.add(tile(3), crash());
    REQUIRE(contenders.open().size() == 1);
    CHECK(same_schedule(contenders.open()[0], tile(2)));
    CHECK(!contenders.best()->confirmed());
    for (double ratio : {0.94, 0.95, 0.96}) {
        contenders.add(tile(2), process(ratio));
    }
    CHECK(contenders.open().empty());
    CHECK(same_schedule(contenders.best()->schedule, tile(2)));
    CHECK(contenders.best()->confirmed());
    CHECK(contenders.find(tile(1))->processes.size() == 1);
    CHECK(!contenders.find(tile(3))->result().ok());
    CHECK(contenders.find(tile(4)) == nullptr);
}

TEST_CASE("where none is confirmed the fastest is the one to report") {
    Confirmations contenders({tile(1), tile(2)});
    contenders.add(tile(1), process(1.05)), contenders.add(tile(2), process(1.01));
    CHECK(contenders.open().empty());
    CHECK(same_schedule(contenders.best()->schedule, tile(2)));
    CHECK(!contenders.best()->confirmed());
}

TEST_CASE("what earlier runs confirmed is read from their last long timings") {
    std::vector<Trial> trials;
    auto add = [&](int columns, double seconds, double ratio) {
        trials.push_back({{{}, "x86-avx2", tile(columns)}, seconds, process(ratio)});
    };
    for (int i = 0; i < kConfirmingProcesses; i++) {
        add(1, 0.6, 0.8), add(2, 0.6, 0.9), add(3, 0.05, 0.5);
    }
    CHECK(same_schedule(confirmed_before(trials, 0.6)->schedule, tile(1)));
    add(1, 0.6, 1.1);  // a later run refutes it
    REQUIRE(confirmed_before(trials, 0.6));
    CHECK(same_schedule(confirmed_before(trials, 0.6)->schedule, tile(2)));
    CHECK(confirmed_before(trials, 0.6)->result().ratio == 0.9);
    add(2, 0.6, 1.1);
    CHECK(!confirmed_before(trials, 0.6));
}

}  // namespace halconv
