// Tuning records of what halconv-bench timed on a board.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tools/bench_report.h"
#include "tools/tuning_record.h"

namespace halconv {

class BoardRecords {
  public:
    // `kernels`: the NAME.json of the library that is linked in; `file`: where records are written. Threads of the plans.
    BoardRecords(const std::string &kernels, std::filesystem::path file, int threads);

    // The record of a timed kernel; of several for a layer the fastest is kept. The file is written anew, sorted: what was
    // timed before an interruption is in it. Throws WorkError where it cannot be written.
    void add(const Layer &layer, const BenchLine &line);

  private:
    OrderedJson kernels_;
    std::filesystem::path file_;
    int threads_;
    std::map<std::string, TuningRecord> fastest_;  // by the layer as JSON
};

}  // namespace halconv
