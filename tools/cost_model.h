// What a search expects of schedules it has not timed: ridge regression of log(time / default's time) on features of the
// schedule, learnt from the trials of all problems of a run.
#pragma once

#include <string>
#include <vector>

#include "schedules/schedule.h"

namespace halconv {

// Features of a schedule for a problem: logarithms of the tile, of strips and of waste at the edges, register use, loads a
// multiply-add, flags and forms; of GPU schedules of threads and blocks, and the model's cycles.
std::vector<double> schedule_features(const halconv_key &key, const TargetRow &target, const Schedule &schedule);

struct CostSample {
    std::string problem;           // samples of the asked problem count more
    std::vector<double> features;  // less those of the problem's default schedule, whose log ratio is 0
    double log_ratio;
};

// w minimises sum_i c_i (w . x_i - y_i)^2 + kRidge |w|^2, with c_i larger for samples of `problem`; solved by Cholesky's
// factorisation of the normal equations. Without samples w is 0.
class CostModel {
  public:
    CostModel(const std::vector<CostSample> &samples, const std::string &problem);
    double log_ratio(const std::vector<double> &features) const;

  private:
    std::vector<double> weights_;
};

}  // namespace halconv
