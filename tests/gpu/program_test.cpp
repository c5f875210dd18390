// The program with targets of graphics processors.
#include <dlfcn.h>

#include "schedules/tuning/versions.h"
#include "tests/catch.h"
#include "tests/gpu/device_case.h"
#include "tests/program_output.h"
#include "tools/npy.h"
#include "tools/tuning_record.h"

namespace halconv {

namespace {

using Arguments = std::vector<std::string>;
using Catch::Matchers::Contains;

const char kLayer[] = R"({"name": "up", "op": "conv_transpose", "ci": 8, "co": 5, "in": [3, 4], "kernel": [4, 4], )"
                      R"("stride": [2, 2], "pad": [[1, 1], [1, 1]]})";

struct Files {
    Scratch scratch;
    std::string layer = scratch.write("layer.json", kLayer);
    std::string x = scratch / "x.npy", w = scratch / "w.npy", y = scratch / "y.npy";
    Files() {
        std::vector<float> input(3 * 4 * 8), weights(8 * 5 * 4 * 4);
        for (size_t i = 0; i < input.size(); i++) {
            input[i] = float(i % 7) - 3;
        }
        for (size_t i = 0; i < weights.size(); i++) {
            weights[i] = float(i % 5) - 2;
        }
        write_npy(x, {1, 3, 4, 8}, input.data());
        write_npy(w, {8, 5, 4, 4}, weights.data());
    }
    std::vector<float> run(const Arguments &more) const {
        Arguments arguments = {"run", layer, "--input", x, "--weights", w, "--output", y};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const ProgramResult result = start_halconv(arguments);
        INFO(result.err);
        REQUIRE(result.status == 0);
        return read_npy(y).data;
    }
};

// Of a schedule that is not the default's.
nlohmann::json candidate_of(const std::string &layer, const std::string &target) {
    TuningCandidate candidate{load_layer(layer, nullptr), target, {}};
    candidate.schedule.form = HALCONV_FORM_PHASE;
    candidate.schedule.tile_y = 4, candidate.schedule.tile_x = 4, candidate.schedule.vectors = 8;
    GpuSchedule gpu;
    gpu.thread_x = 2, gpu.thread_c = 2, gpu.chunk = 4;
    candidate.schedule.gpu = gpu;
    return candidate_json(candidate);
}

bool cuda_driver_is_there() { return dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) != nullptr; }

}  // namespace

TEST_CASE("run on an OpenCL device gives what the processor gives", "[gpu]") {
    if (!opencl_device_or_skip()) {
        return;
    }
    const Files files;
    const std::vector<float> expected = files.run({});
    CHECK(expected.size() == 6 * 8 * 5);
    CHECK(files.run({"--target", "opencl"}) == expected);
}

TEST_CASE("bench on an OpenCL device says its name, its peak and times", "[gpu]") {
    if (!opencl_device_or_skip()) {
        return;
    }
    const Files files;
    const ProgramResult result =
        start_halconv({"bench", files.layer, "--target", "opencl", "--min-time", "0.01", "--json"});
    INFO(result.err);
    REQUIRE(result.status == 0);
    const std::vector<nlohmann::json> lines = json_lines(result.out);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["machine"]["target"] == "opencl");
    CHECK(!lines[0]["machine"]["device"].get<std::string>().empty());
    CHECK(lines[0]["machine"]["fma_peak"].get<double>() > 0);
    const nlohmann::json levels = lines[0]["machine"]["read_gbs"];
    REQUIRE(!levels.empty());
    CHECK(levels.back()["level"] == "memory");
    for (const nlohmann::json &level : levels) {
        CHECK(level["gbs"].get<double>() > 0);
    }
    CHECK(lines[1]["name"] == "up");
    CHECK(lines[1]["time_us"].get<double>() > 0);
    CHECK(lines[1]["max_error"].get<double>() < 1e-5);
    CHECK(lines[1]["percent_of_peak"].get<double>() >= 0);
    CHECK(lines[1]["percent_of_roofline"].get<double>() >= 0);
}

TEST_CASE("tune times one candidate on an OpenCL device", "[gpu]") {
    if (!opencl_device_or_skip()) {
        return;
    }
    const Files files;
    nlohmann::json candidate = candidate_of(files.layer, "opencl");
    auto measure = [&] {
        return start_halconv({"tune", "--candidate", files.scratch.write("candidate.json", candidate.dump()),
                              "--seconds", "0.01", "--json"});
    };
    const ProgramResult good = measure();
    INFO(good.err);
    REQUIRE(good.status == 0);
    const std::vector<nlohmann::json> lines = json_lines(good.out);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["ok"] == true);
    for (const char *key : {"time_us", "default_time_us", "ratio", "ratio_low", "ratio_high", "samples"}) {
        CHECK(lines[0][key].get<double>() > 0);
    }
    candidate["schedule"]["gpu"]["chunk"] = 3;
    check_error(measure(), 2, "candidate.json: schedule is not legal: panels do not divide the input channels");
}

TEST_CASE("a search on an OpenCL device leaves trials; a record decides what is built", "[gpu]") {
    if (!opencl_device_or_skip()) {
        return;
    }
    const Files files;
    const std::string winners = files.scratch / "winners.jsonl";
    const ProgramResult tuned = start_halconv({"tune", files.layer, "--target", "opencl", "--minutes", "0.01", "--jobs",
                                               "1", "--json", "--records", files.scratch / "trials.sqlite", "--winners",
                                               winners, "--report", files.scratch / "page.html"});
    INFO(tuned.err);
    REQUIRE(tuned.status == 0);
    const std::vector<nlohmann::json> lines = json_lines(tuned.out);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["trials"].get<int>() > 0);
    CHECK(lines[0]["failed"] == 0);
    CHECK(lines[0]["percent_of_peak"].get<double>() > 0);
    CHECK(std::filesystem::exists(winners));
    CHECK(std::filesystem::file_size(files.scratch / "page.html") > 1000);

    nlohmann::json record = candidate_of(files.layer, "opencl");
    record.update({{"cpu", "a device"}, {"threads", 1}, {"time_us", 1.0}, {"spread", 0.0}, {"default_time_us", 2.0}});
    record.update({{"halide", halide_version()},
                   {"schedule_version", kScheduleVersion},
                   {"algorithm_version", kAlgorithmVersion}});
    const ProgramResult built =
        start_halconv({"build", files.layer, "--target", "opencl", "-o", files.scratch / "library", "--name", "net",
                       "--records", files.scratch.write("records.jsonl", record.dump() + "\n")});
    INFO(built.err);
    REQUIRE(built.status == 0);
    std::ifstream report(files.scratch / "library/net.json");
    const nlohmann::json kernels = nlohmann::json::parse(report);
    REQUIRE(kernels.size() == 1);
    CHECK(kernels[0]["origin"] == "record");
    CHECK_THAT(kernels[0]["schedule"].get<std::string>(), Contains("block 4x4x8 thread 1x2x2"));
}

TEST_CASE("without a CUDA driver run, bench and tune say so", "[gpu]") {
    if (cuda_driver_is_there()) {
        std::printf("skipped: this machine has a CUDA driver\n");
        return;
    }
    const Files files;
    check_error(start_halconv({"bench", files.layer, "--target", "cuda-sm90"}), 1, "no CUDA driver");
    check_error(start_halconv({"run", files.layer, "--input", files.x, "--weights", files.w, "--output", files.y,
                               "--target", "cuda-sm90"}),
                1, "no CUDA driver");
    CHECK(!std::filesystem::exists(files.y));
    const std::string trials = files.scratch / "trials.sqlite";
    check_error(start_halconv({"tune", files.layer, "--target", "cuda-sm90", "--records", trials}), 1,
                "no CUDA driver");
    CHECK(!std::filesystem::exists(trials));
}

TEST_CASE("commands refuse graphics processors for what only processors have", "[gpu]") {
    const Files files;
    for (const std::vector<std::string> &more :
         {Arguments{"--cost", "static"}, Arguments{"--core", "0"}, Arguments{"--compare-autoschedulers"}}) {
        Arguments arguments = {"tune", files.layer, "--target", "cuda-sm90"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        check_error(start_halconv(arguments), 2,
                    more[0] + (more[0] == "--cost" ? " static" : "") + ": cuda-sm90 is a graphics processor");
    }
    for (const char *command : {"inspect", "explain"}) {
        check_error(start_halconv({command, files.layer, "--target", "opencl"}), 2, "is a graphics processor");
    }
}

TEST_CASE("without a CUDA toolkit build embeds PTX alone and says so", "[gpu]") {
    const Files files;
    setenv("CUDA_HOME", files.scratch.path().c_str(), 1);
    const ProgramResult result =
        start_halconv({"build", files.layer, "--target", "cuda-sm90", "-o", files.scratch / "lib", "--name", "up"});
    unsetenv("CUDA_HOME");
    INFO(result.err);
    REQUIRE(result.status == 0);
    CHECK_THAT(result.err, Contains("cuda-sm90 gets PTX alone"));
    std::ifstream file(files.scratch / "lib/up.json");
    const nlohmann::json report = nlohmann::json::parse(file);
    REQUIRE(report.size() == 1);
    CHECK(report[0]["device_code"] == nlohmann::json{"ptx"});
    CHECK(!report[0].contains("registers"));
}

TEST_CASE("the same layers give the same library", "[gpu]") {
    const Files files;
    auto built = [&](const std::string &folder, const std::string &cache) {
        setenv("HALCONV_CACHE", (files.scratch / cache).c_str(), 1);
        const ProgramResult result = start_halconv({"build", files.layer, "--target", "cuda-sm90", "--target", "opencl",
                                                    "-o", files.scratch / folder, "--name", "up"});
        INFO(result.err);
        CHECK(result.status == 0);
        std::ifstream file(files.scratch / (folder + "/libup.a"), std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const char *given = std::getenv("HALCONV_CACHE");
    const std::string before = given ? given : "";
    const std::string first = built("a", "cache_a"), second = built("b", "cache_b");
    if (given) {
        setenv("HALCONV_CACHE", before.c_str(), 1);
    } else {
        unsetenv("HALCONV_CACHE");
    }
    CHECK(!first.empty());
    CHECK(first == second);
}

}  // namespace halconv
