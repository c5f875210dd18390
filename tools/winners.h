// The file of tuning records that `halconv tune --winners` brings up to date.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/tuning_record.h"

namespace halconv {

// What a run says of a layer: its record, or that the default schedule was not beaten.
struct Verdict {
    Layer layer;
    std::optional<TuningRecord> record;
};

// What the verdicts hold for.
struct VerdictScope {
    const TargetRow *target;
    std::string cpu;  // as in records
    bool measured;
};

// The file's records of other problems, targets and processors stay, but for stale ones. A problem whose default schedule
// was not beaten loses its record, which did not beat it either. What was measured replaces what was not, never the other
// way round. Throws InputError for a file that cannot be read, WorkError for one that cannot be written.
void update_winners(const std::vector<Verdict> &verdicts, const VerdictScope &scope, const std::filesystem::path &file);

}  // namespace halconv
