#include "tools/winners.h"

#include <algorithm>

#include <fmt/format.h>

#include "tools/trial_store.h"

namespace halconv {

void update_winners(const std::vector<Verdict> &verdicts, const VerdictScope &scope,
                    const std::filesystem::path &file) {
    TuningRecords before;
    if (std::filesystem::exists(file)) {
        before.read(file);
    }
    auto concerns = [&](const TuningRecord &record, const Layer &layer) {
        return parse_any_target(record.candidate.target).row == scope.target &&
               problem_text(record.candidate.layer) == problem_text(layer);
    };
    auto replaced = [&](const TuningRecord &record) {
        const bool yields = scope.measured ? record.cpu == scope.cpu || !record.measured : !record.measured;
        return yields && std::any_of(verdicts.begin(), verdicts.end(),
                                     [&](const Verdict &v) { return concerns(record, v.layer); });
    };
    std::vector<TuningRecord> records;
    std::copy_if(before.all().begin(), before.all().end(), std::back_inserter(records),
                 [&](const TuningRecord &record) { return !replaced(record); });
    const size_t kept = records.size();
    for (const Verdict &v : verdicts) {
        const bool outdone = !scope.measured && std::any_of(records.begin(), records.begin() + ptrdiff_t(kept),
                                                            [&](const auto &r) { return concerns(r, v.layer); });
        if (v.record && !outdone) {
            records.push_back(*v.record);
        }
    }
    write_records(records, file);
    fmt::print(stderr, "halconv: {}: {} records, {} of them from this run, {} stale ones dropped\n", file.string(),
               records.size(), records.size() - kept, before.stale());
}

}  // namespace halconv
