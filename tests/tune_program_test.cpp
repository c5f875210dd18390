// `halconv tune` as its users meet it: one candidate, a short search, and its records in build and bench.
#include <nlohmann/json.hpp>

#include "schedules/target.h"
#include "schedules/tuning/versions.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/program_output.h"
#include "tools/tuning_record.h"

using namespace halconv;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

const char kLayer[] = R"({"name": "small", "op": "conv", "ci": 16, "co": 32, "in": [12, 14], "kernel": [3, 3], )"
                      R"("pad": [[1, 1], [1, 1]], "epilogue": "relu"})";

struct Files {
    Scratch scratch;
    std::string layer = scratch.write("layer.json", kLayer);
    std::string trials = scratch / "trials.sqlite", winners = scratch / "winners.jsonl", page = scratch / "page.html";

    Json candidate() const {
        TuningCandidate c;
        c.layer = load_layer(layer, nullptr);
        c.target = parse_target("host").name;
        c.schedule.tile_x = 7, c.schedule.lanes = 4, c.schedule.vectors = 1, c.schedule.rows = 3;
        return candidate_json(c);
    }
    ProgramResult measure(const Json &candidate) const {
        return start_halconv({"tune", "--candidate", scratch.write("candidate.json", candidate.dump()), "--json"});
    }
    ProgramResult tune(const std::vector<std::string> &more) const {
        std::vector<std::string> arguments = {"tune", layer,    "--minutes", "0.05", "--records",
                                              trials, "--json", "--winners", winners};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return start_halconv(arguments);
    }
};

}  // namespace

TEST_CASE("one candidate in, one line out") {
    Files files;
    const ProgramResult good = files.measure(files.candidate());
    INFO(good.err);
    CHECK(good.status == 0);
    const std::vector<Json> lines = json_lines(good.out);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["ok"] == true);
    for (const char *key : {"time_us", "default_time_us", "ratio", "ratio_low", "ratio_high", "samples"}) {
        CHECK(lines[0][key].get<double>() > 0);
    }
}

TEST_CASE("a bad candidate ends with status 2 and one line") {
    Files files;
    auto refused = [&](auto change) {
        Json candidate = files.candidate();
        change(candidate);
        const ProgramResult result = files.measure(candidate);
        CHECK(result.status == 2);
        CHECK(result.out == "");
        CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
        return result.err;
    };
    CHECK_THAT(refused([](Json &c) { c["schedule"]["tile_x"] = 28; }),
               Contains("candidate.json: schedule is not legal: "));
    CHECK_THAT(refused([](Json &c) { c["schedule"].erase("rows"); }), Contains("key \"rows\" is missing"));
    CHECK_THAT(refused([](Json &c) { c["form"] = "phase"; }), Contains("does not compute this problem"));
    CHECK_THAT(refused([](Json &c) { c["problem"]["ci"] = -1; }), Contains("ci"));
    CHECK_THAT(refused([](Json &c) { c = "text"; }), Contains("JSON object"));
    CHECK(start_halconv({"tune", "--candidate", files.scratch / "none.json"}).status == 2);
    CHECK(start_halconv({"tune"}).status == 2);
    CHECK(start_halconv({"tune", files.layer, "--candidate", files.layer}).status == 2);
    CHECK_THAT(start_halconv({"tune", files.layer, "--target", "x86-mmx"}).err, Contains("unknown target"));
    CHECK_THAT(start_halconv({"tune", files.layer, "--records", files.scratch / "none/t.sqlite"}).err,
               Contains("none: no such folder"));
    CHECK_THAT(start_halconv({"tune", files.layer, "--records", files.layer}).err, Contains("not a database"));
}

TEST_CASE("a short search leaves trials, records and a page; build and bench use the records") {
    Files files;
    const ProgramResult first = files.tune({"--report", files.page});
    INFO(first.err);
    REQUIRE(first.status == 0);
    const std::vector<Json> lines = json_lines(first.out);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["name"] == "small");
    CHECK(lines[0]["trials"].get<int>() > 1);
    CHECK(lines[0]["failed"] == 0);
    CHECK(lines[1]["tuned"]["layers"] == 1);
    const bool confirmed = lines[0]["confirmed"];
    std::ifstream page(files.page);
    const std::string html(std::istreambuf_iterator<char>(page), {});
    CHECK_THAT(html, Contains("<svg") && Contains("small") && Contains("</html>") && !Contains("http"));

    const ProgramResult again = files.tune({"--resume"});
    CHECK(again.status == 0);
    CHECK_THAT(again.err, Contains("trials, 0 of them stale"));

    // A record of a schedule that is not the default's, whatever the short search found.
    TuningRecords found;
    found.read(files.winners);
    CHECK((found.all().size() == 1 || !confirmed || json_lines(again.out)[0]["confirmed"] == false));
    Json record = files.candidate();
    record.update(
        {{"cpu", "a processor"}, {"threads", 1}, {"time_us", 1.0}, {"spread", 0.0}, {"default_time_us", 2.0}});
    record.update({{"halide", halide_version()},
                   {"schedule_version", kScheduleVersion},
                   {"algorithm_version", kAlgorithmVersion}});
    Json stale = record;
    stale["halide"] = "1.0.0";
    const std::string records = files.scratch.write("records.jsonl", stale.dump() + "\n" + record.dump() + "\n");
    const std::string folder = files.scratch / "library";
    const ProgramResult built =
        start_halconv({"build", files.layer, "--target", "host", "-o", folder, "--name", "net", "--records", records});
    INFO(built.err);
    REQUIRE(built.status == 0);
    CHECK_THAT(built.err, Contains("1 stale tuning records ignored"));
    std::ifstream report(folder + "/net.json");
    const Json kernels = Json::parse(report);
    CHECK(kernels[0]["origin"] == "record");
    CHECK_THAT(kernels[0]["schedule"].get<std::string>(), Contains("tile 1x7 vectors 1x4 rows 3"));

    const ProgramResult bench =
        start_halconv({"bench", files.layer, "--records", records, "--min-time", "0.01", "--json"});
    REQUIRE(bench.status == 0);
    const Json line = json_lines(bench.out)[1];
    CHECK(line["origin"] == "record");
    CHECK(line["default_time_us"].get<double>() > 0);
    CHECK(!json_lines(start_halconv({"bench", files.layer, "--min-time", "0.01", "--json"}).out)[1].contains("origin"));
}

TEST_CASE("the search space prints itself") {
    Files files;
    const ProgramResult space = start_halconv({"tune", files.layer, "--print-space"});
    CHECK(space.status == 0);
    CHECK_THAT(space.out, Contains("direct: ") && Contains("tile_x 1 .. 14") && Contains("winograd2: "));
}
