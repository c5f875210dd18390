#include "tools/tune_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tools/confirmation.h"
#include "tools/tune_outcomes.h"

namespace halconv {

namespace {

constexpr const char *kHead =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>halconv tune</title>\n<style>\n"
    "body{font:15px/1.45 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}\n"
    "td:first-child,th:first-child,td.t{text-align:left}svg{background:#fafafa;margin:.3em .6em .3em 0}\n"
    "svg text{font:11px sans-serif;fill:#444}.axis{stroke:#999;stroke-width:1}\n"
    "</style></head><body>\n";

constexpr const char *kFormColours[kFormCount] = {"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
                                                  "#8c564b", "#e377c2", "#17becf", "#bcbd22"};
constexpr double kWidth = 420, kHeight = 220, kMargin = 40;
constexpr double kWorst = 2;  // ratio to the default's time at the top of a plot; slower ones lie on the edge

std::string escaped(const std::string &text) {
    std::string result;
    for (char c : text) {
        result += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
    }
    return result;
}

// A plot of ratios to the default's time over something.
class Plot {
  public:
    Plot(std::string title, std::string x_label, double x_most)
        : title_(std::move(title)), x_label_(std::move(x_label)), x_most_(std::max(1.0, x_most)) {}

    double x(double value) const { return kMargin + value / x_most_ * (kWidth - 2 * kMargin); }
    static double y(double ratio) {
        return kMargin + (1 - std::clamp(ratio, 0.0, kWorst) / kWorst) * (kHeight - 2 * kMargin);
    }
    void add(const std::string &element) { body_ += element; }
    std::string text() const {
        std::string svg = fmt::format("<svg width=\"{}\" height=\"{}\" role=\"img\"><title>{}</title>", kWidth, kHeight,
                                      escaped(title_));
        for (double ratio : {0.0, 0.5, 1.0, 1.5, 2.0}) {
            svg += fmt::format("<line class=\"axis\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" "
                               "stroke-dasharray=\"{3}\"/><text x=\"{4}\" y=\"{5:.1f}\">{6}</text>",
                               kMargin, kWidth - kMargin, y(ratio), ratio == 1 || ratio == 0 ? "none" : "1 4", 8,
                               y(ratio) + 4, ratio);
        }
        svg += fmt::format("<text x=\"{}\" y=\"{}\">{}: time / default over {} (0 .. {})</text>", kMargin, 18,
                           escaped(title_), escaped(x_label_), x_most_);
        return svg + body_ + "</svg>\n";
    }

  private:
    std::string title_, x_label_, body_;
    double x_most_;
};

std::string best_over_trials(const std::vector<Trial> &trials) {
    Plot plot("best so far", "trials", double(trials.size()));
    double best = kWorst;
    std::string points;
    for (size_t i = 0; i < trials.size(); i++) {
        const CandidateResult &r = trials[i].result;
        if (!r.ok()) {
            plot.add(fmt::format("<text x=\"{:.1f}\" y=\"{}\" style=\"fill:#c00\">x<title>{}</title></text>",
                                 plot.x(double(i)), kHeight - kMargin, escaped(r.failure)));
            continue;
        }
        plot.add(fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2\" fill=\"#bbb\"/>", plot.x(double(i)),
                             Plot::y(r.ratio)));
        points += fmt::format("{:.1f},{:.1f} ", plot.x(double(i)), Plot::y(best));
        best = std::min(best, r.ratio);
        points += fmt::format("{:.1f},{:.1f} ", plot.x(double(i)), Plot::y(best));
    }
    plot.add(fmt::format("<polyline fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"2\" points=\"{}\"/>", points));
    return plot.text();
}

// Of a register tile; of GPU schedules of a thread.
int sums_of(const Schedule &s) {
    if (s.gpu) {
        return s.gpu->thread_y * s.gpu->thread_x * s.gpu->thread_c;
    }
    return (s.form == HALCONV_FORM_PIXEL_LANES ? s.channels : s.tile_x) * s.tile_y * s.vectors;
}

std::string landscape(const std::vector<Trial> &trials) {
    int most = 1;
    for (const Trial &trial : trials) {
        most = std::max(most, sums_of(trial.candidate.schedule));
    }
    const bool on_device = !trials.empty() && trials[0].candidate.schedule.gpu;
    Plot plot("candidates", on_device ? "sums of a thread" : "vectors of sums of a register tile", most);
    for (const Trial &trial : trials) {
        const Schedule &s = trial.candidate.schedule;
        if (trial.result.ok()) {
            plot.add(fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\" fill-opacity=\".6\">"
                                 "<title>{} {}: {:.1f} us</title></circle>",
                                 plot.x(sums_of(s)), Plot::y(trial.result.ratio), kFormColours[int(s.form)],
                                 form_name(s.form), escaped(schedule_text(s)), trial.result.time_us));
        }
    }
    return plot.text();
}

std::string bars(const TunePage &page) {
    constexpr double kBar = 16, kScale = 2.4, kLeft = 190;
    double most = 100;
    std::string body;
    double top = 24;
    for (const LayerOutcome &o : page.outcomes) {
        const double before = percent_of_peak(o.layer, o.result.time_us / o.result.ratio, page.machine);
        const double after = percent_of_peak(o.layer, o.result.time_us, page.machine);
        most = std::max({most, before, after});
        body +=
            fmt::format("<text x=\"4\" y=\"{0}\">{1}</text><rect x=\"{2}\" y=\"{3}\" width=\"{4:.1f}\" height=\"7\" "
                        "fill=\"#bbb\"/><rect x=\"{2}\" y=\"{5}\" width=\"{6:.1f}\" height=\"7\" fill=\"#1f77b4\"/>"
                        "<text x=\"{7:.1f}\" y=\"{0}\">{8:.0f} to {9:.0f} %</text>\n",
                        top + 11, escaped(o.layer.name), kLeft, top, before * kScale, top + 7, after * kScale,
                        kLeft + std::max(before, after) * kScale + 6, before, after);
        top += kBar + 6;
    }
    return fmt::format("<svg width=\"{}\" height=\"{}\"><text x=\"4\" y=\"14\">percent of the measured peak, {:.1f} "
                       "GFLOP/s: default (grey) and tuned</text>\n{}</svg>\n",
                       kLeft + most * kScale + 110, top + 6, page.machine.peak(), body);
}

std::string table(const TunePage &page) {
    std::string rows;
    for (const LayerOutcome &o : page.outcomes) {
        rows +=
            fmt::format("<tr><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.3f}</td><td class=\"t\">{}</td><td>{}</td>"
                        "<td>{}</td><td class=\"t\">{} {}</td></tr>\n",
                        escaped(o.layer.name), o.result.time_us / o.result.ratio, o.result.time_us, 1 / o.result.ratio,
                        escaped(confirmation_text(o)), o.trials, o.failed, form_name(o.schedule.form),
                        escaped(schedule_text(o.schedule)));
    }
    const OutcomeTotals t = totals_of(page.outcomes);
    return fmt::format(
        "<table><tr><th>layer</th><th>default us</th><th>tuned us</th><th>speed-up</th><th>confirmed by</th>"
        "<th>trials</th><th>failed</th><th>schedule</th></tr>\n{}</table>\n<p>{} of {} layers have a "
        "schedule that each of {} processes found faster; geomean speed-up over all {:.3f}. {} more "
        "seemed faster in the search and are not confirmed.</p>\n",
        rows, t.confirmed, t.layers, kConfirmingProcesses, t.speedup, t.refuted);
}

// Halide's autoschedulers beside what was found; empty if they were not asked for.
std::string comparison(const TunePage &page) {
    const OutcomeTotals t = totals_of(page.outcomes);
    if (t.others.empty()) {
        return "";
    }
    std::string head = "<tr><th>layer</th><th>tuned us</th>", rows, totals;
    for (size_t i = 0; i < t.others.size(); i++) {
        head += fmt::format("<th>{} us</th><th>of our time</th>", kAutoschedulers[i]);
        totals += fmt::format("<td></td><td>{:.2f}</td>", t.others[i].geomean);
    }
    for (const LayerOutcome &o : page.outcomes) {
        rows += fmt::format("<tr><td>{}</td><td>{:.1f}</td>", escaped(o.layer.name), o.result.time_us);
        for (const CandidateResult &r : o.others) {
            rows += r.ok()
                        ? fmt::format("<td>{:.1f}</td><td>{:.2f}</td>", r.time_us, r.ratio / o.result.ratio)
                        : fmt::format("<td class=\"t\" colspan=\"2\">{}: {}</td>", r.failed_step, escaped(r.failure));
        }
        rows += "</tr>\n";
    }
    return "<h2>Halide's autoschedulers</h2>\n<p>On the direct, phase or depthwise algorithm of each "
           "layer.</p>\n<table>" +
           head + "</tr>\n" + rows + "<tr><td>geomean of those that were timed</td><td></td>" + totals +
           "</tr></table>\n";
}

std::string legend() {
    std::string text = "<p>Forms:";
    for (int form = 0; form < kFormCount; form++) {
        text += fmt::format(" <span style=\"color:{}\">&#9679; {}</span>", kFormColours[form],
                            form_name(halconv_form(form)));
    }
    return text + ". Point at a dot for its schedule.</p>\n";
}

}  // namespace

std::string tune_page(const TunePage &page) {
    std::string text = kHead;
    text += fmt::format("<h1>halconv tune: {}</h1>\n<p>{}{}.</p>\n", escaped(page.target), escaped(page.machine.cpu),
                        page.machine.cores > 0 ? ", one thread on one core" : "");
    text +=
        table(page) + "<h2>Before and after</h2>\n" + bars(page) + comparison(page) + "<h2>Layers</h2>\n" + legend();
    for (size_t i = 0; i < page.outcomes.size(); i++) {
        text += fmt::format("<h3>{}</h3>\n", escaped(page.outcomes[i].layer.name)) + best_over_trials(page.trials[i]) +
                landscape(page.trials[i]);
    }
    return text + "</body></html>\n";
}

}  // namespace halconv
