// Tuning records as JSON, without the compiler: what runs on a board writes them too.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tools/object_reader.h"
#include "tools/tuning_record.h"

namespace halconv {

namespace {

constexpr const char *kParallelWords[] = {"rows", "channels", "channels_and_phases"};  // by ParallelAxis
constexpr const char *kFormNotes =
    "direct, depthwise, phase, row_fused, winograd2, winograd3, winograd4, inner_product, pixel_lanes";

constexpr const char *kOperandsWords[] = {"panels", "windows", "thread"};  // by GpuSchedule::Operands
constexpr const char *kTapsWords[] = {"one", "row", "all"};                // by GpuSchedule::Taps

// Nanoseconds, printed without binary's tail.
double short_time(double value) { return std::stod(fmt::format("{:.3f}", value)); }

// The place of the key's word among `words`.
template <size_t count> int read_word(ObjectReader &reader, const char *key, const char *const (&words)[count]) {
    const std::string text = reader.text(key);
    const auto found = std::find(std::begin(words), std::end(words), text);
    if (found == std::end(words)) {
        reader.fail(key, fmt::format("is \"{}\"; it can be: {}", text, fmt::join(words, ", ")));
    }
    return int(found - std::begin(words));
}

OrderedJson gpu_json(const GpuSchedule &t) {
    return {{"operands", kOperandsWords[int(t.operands)]},
            {"thread_x", t.thread_x},
            {"thread_y", t.thread_y},
            {"thread_c", t.thread_c},
            {"chunk", t.chunk},
            {"taps", kTapsWords[int(t.taps)]},
            {"parts", t.parts}};
}

GpuSchedule parse_gpu(const OrderedJson &object, const std::string &place) {
    ObjectReader reader(object, place);
    GpuSchedule t;
    t.operands = GpuSchedule::Operands(read_word(reader, "operands", kOperandsWords));
    t.thread_x = reader.integer("thread_x"), t.thread_y = reader.integer("thread_y");
    t.thread_c = reader.integer("thread_c"), t.chunk = reader.integer("chunk");
    t.taps = GpuSchedule::Taps(read_word(reader, "taps", kTapsWords));
    t.parts = reader.integer("parts");
    reader.end();
    return t;
}

}  // namespace

OrderedJson schedule_json(const Schedule &s) {
    if (s.gpu) {
        return {{"tile_x", s.tile_x}, {"tile_y", s.tile_y}, {"channels", s.panel()}, {"gpu", gpu_json(*s.gpu)}};
    }
    std::string skip;
    for (int d = 0; d < 3; d++) {
        skip += s.skip[d] ? std::string(1, "zyx"[d]) : "";
    }
    OrderedJson object = {{"tile_x", s.tile_x},     {"tile_y", s.tile_y},
                          {"vectors", s.vectors},   {"lanes", s.lanes},
                          {"rows", s.rows},         {"columns", s.columns},
                          {"channels", s.channels}, {"parallel", kParallelWords[int(s.parallel)]},
                          {"stage", s.stage},       {"skip", skip},
                          {"share", s.share},       {"prefetch_output", s.prefetch_output}};
    if (s.operand_lanes > 1) {
        object["operand_lanes"] = s.operand_lanes;
    }
    return object;
}

Schedule parse_schedule(const std::string &form, const OrderedJson &object, const std::string &place) {
    ObjectReader reader(object, place + ": key \"schedule\"");
    Schedule s;
    int of_name = 0;
    while (of_name < kFormCount && form != form_name(halconv_form(of_name))) {
        of_name++;
    }
    if (of_name == kFormCount) {
        throw InputError(fmt::format("{}: key \"form\" is \"{}\"; forms are {}", place, form, kFormNotes));
    }
    s.form = halconv_form(of_name);
    s.tile_x = reader.integer("tile_x"), s.tile_y = reader.integer("tile_y");
    if (reader.has("gpu")) {
        s.vectors = reader.integer("channels");
        s.gpu = parse_gpu(reader.need("gpu"), reader.place() + ": key \"gpu\"");
        reader.end();
        return s;
    }
    s.vectors = reader.integer("vectors"), s.lanes = reader.integer("lanes");
    s.rows = reader.integer("rows"), s.columns = reader.integer("columns"), s.channels = reader.integer("channels");
    s.parallel = ParallelAxis(read_word(reader, "parallel", kParallelWords));
    const std::string skip = reader.text("skip");
    if (skip.find_first_not_of("zyx") != std::string::npos) {
        reader.fail("skip", "holds letters other than z, y and x");
    }
    for (int d = 0; d < 3; d++) {
        s.skip[d] = skip.find("zyx"[d]) != std::string::npos;
    }
    s.stage = reader.flag("stage"), s.share = reader.flag("share");
    s.prefetch_output = reader.flag("prefetch_output");
    s.operand_lanes = reader.integer_or("operand_lanes", 1);
    reader.end();
    return s;
}

OrderedJson candidate_json(const TuningCandidate &c) {
    return {{"problem", OrderedJson::parse(layer_json(c.layer))},
            {"target", c.target},
            {"form", form_name(c.schedule.form)},
            {"schedule", schedule_json(c.schedule)}};
}

OrderedJson record_json(const TuningRecord &r) {
    OrderedJson object = candidate_json(r.candidate);
    object["cpu"] = r.cpu;
    if (r.measured) {
        object["threads"] = r.threads;
        object["time_us"] = short_time(r.time_us);
        object["spread"] = short_time(r.spread);
        object["default_time_us"] = short_time(r.default_time_us);
    } else {
        object["measured"] = false;
        object["cycles"] = std::llround(r.cycles);
        object["default_cycles"] = std::llround(r.default_cycles);
    }
    object["halide"] = r.halide;
    object["schedule_version"] = r.schedule_version;
    object["algorithm_version"] = r.algorithm_version;
    return object;
}

}  // namespace halconv
