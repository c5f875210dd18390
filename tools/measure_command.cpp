#include <filesystem>

#include <fmt/format.h>

#include "tools/interrupt.h"
#include "tools/library.h"
#include "tools/tune.h"

namespace halconv {

CandidateResult measure_by_command(const TuningCandidate &candidate, double seconds, const TuneOptions &options) {
    ScratchFolder folder(std::filesystem::temp_directory_path());
    const std::filesystem::path file = folder.path() / "candidate.json";
    write_text(file, candidate_json(candidate).dump() + "\n");
    std::vector<std::string> command = options.measure;
    command.insert(command.end(), {file.string(), "--seconds", fmt::format("{}", seconds)});
    if (options.core >= 0) {
        command.insert(command.end(), {"--core", std::to_string(options.core)});
    }
    const ProcessEnd end = run_limited(command, options.limits, interrupted);
    const std::string line = end.out.substr(0, end.out.find('\n'));
    try {
        return parse_result(parse_json(line, "its line"), "its line");
    } catch (const InputError &error) {
        CandidateResult failed;
        failed.failed_step = "run", failed.failure = end.failure.empty() ? error.what() : end.failure;
        return failed;
    }
}

}  // namespace halconv
