// Schedules as data: what the model proposes lies in the search space, and nothing illegal comes out of it.
#include "runtime/core/problem.h"
#include "schedules/tuning/space.h"
#include "tests/catch.h"
#include "tools/layer.h"

namespace halconv {

namespace {

struct NamedKey {
    std::string name;
    halconv_key key;
};

std::vector<NamedKey> workload() {
    std::vector<std::string> files;
    for (const char *name : {"dcgan", "depthwise_up", "dilated", "fcn", "hifigan", "mobilenetv2", "pix2pix", "resnet50",
                             "stylegan2", "superres", "unet", "vgg", "volumetric"}) {
        files.push_back(std::string(HALCONV_TEST_LAYERS "/workload/") + name + ".jsonl");
    }
    std::vector<NamedKey> keys;
    for (const Layer &layer : load_layers(files, [](const std::string &) {})) {
        int64_t out[3];
        REQUIRE(check_problem(layer.problem, out) == HALCONV_OK);
        keys.push_back({layer.name, problem_key(normalise(layer.problem, out), layer.problem)});
    }
    return keys;
}

std::vector<const TargetRow *> all_rows() {
    std::vector<const TargetRow *> rows;
    for (const std::vector<TargetRow> *some : {&target_rows(), &gpu_target_rows()}) {
        for (const TargetRow &row : *some) {
            rows.push_back(&row);
        }
    }
    return rows;
}

}  // namespace

TEST_CASE("what the model proposes is legal in the search space") {
    for (const TargetRow *row : all_rows()) {
        const TargetRow &target = *row;
        for (const NamedKey &layer : workload()) {
            for (halconv_numerics numerics : {HALCONV_STRICT, HALCONV_DEFAULT, HALCONV_FAST}) {
                const SearchSpace space(layer.key, target, numerics);
                const Candidate best = candidates(layer.key, target, numerics).front();
                INFO(layer.name << " on " << target.name << ": " << form_text(best.schedule) << " "
                                << schedule_text(best.schedule));
                CHECK(space.fault(best.schedule) == "");
            }
        }
    }
}

TEST_CASE("draws, mutations and crossings are legal, and reach every form that has a parameter") {
    for (const TargetRow *row : all_rows()) {
        const TargetRow &target = *row;
        for (const NamedKey &layer : workload()) {
            const SearchSpace space(layer.key, target, HALCONV_FAST);
            Random random(7);
            Schedule last = space.draw(random);
            for (int i = 0; i < 10; i++) {
                const Schedule drawn = space.draw(random), changed = space.mutate(drawn, random),
                               crossed = space.cross(changed, last, random);
                for (const Schedule &s : {drawn, changed, crossed}) {
                    INFO(layer.name << " on " << target.name << ": " << form_text(s) << " " << schedule_text(s));
                    CHECK(space.fault(s) == "");
                }
                CHECK(schedule_text(changed) + form_text(changed) != schedule_text(drawn) + form_text(drawn));
                last = crossed;
            }
        }
    }
}

}  // namespace halconv
