// What `halconv tune` draws on a terminal, as text.
#include "tests/catch.h"
#include "tools/progress.h"
#include "tools/tune_table.h"

namespace halconv {

namespace {

std::vector<LayerState> layers_in_work(int count) {
    std::vector<LayerState> layers;
    for (int i = 0; i < count; i++) {
        LayerState layer;
        layer.name = "net/layer" + std::to_string(i);
        layers.push_back(layer);
    }
    return layers;
}

}  // namespace

TEST_CASE("a line for each layer, with its best time once there is one") {
    std::vector<LayerState> layers = layers_in_work(2);
    layers[1].trials = 12, layers[1].time_us = 1234.56, layers[1].speed_up = 1.0834, layers[1].what = "in work";
    layers[1].name = "a_network_of_long_names/and_its_layer";
    CHECK(tune_table(layers, 23) ==
          std::vector<std::string>{"layer                        trials          best  speed-up",
                                   "net/layer0                        0             -         -",
                                   "..f_long_names/and_its_layer     12     1234.6 us    1.083x  in work"});
}

TEST_CASE("of more layers than rows those are shown that were in work last, in their order") {
    std::vector<LayerState> layers = layers_in_work(9);
    layers[7].turn = 1, layers[2].turn = 2, layers[8].turn = 3;
    auto shown = [&](size_t rows) {
        std::string names;
        for (const std::string &line : tune_table(layers, rows)) {
            names += line.substr(0, line.find("  ")) + "; ";
        }
        return names;
    };
    CHECK(shown(10) == "layer; net/layer0; net/layer1; net/layer2; net/layer3; net/layer4; net/layer5; net/layer6; "
                       "net/layer7; net/layer8; ");
    CHECK(shown(5) == "4 of 9 layers; net/layer0; net/layer2; net/layer7; net/layer8; ");
    CHECK(shown(3) == "2 of 9 layers; net/layer2; net/layer8; ");
    CHECK(shown(1) == "");
}

TEST_CASE("lines are drawn over those before, within the terminal") {
    CHECK(redrawn(0, {"one"}, {24, 80}) == "\rone\033[K\033[J");
    CHECK(redrawn(1, {"a", "b"}, {24, 80}) == "\ra\033[K\nb\033[K\033[J");
    CHECK(redrawn(3, {"a", "b"}, {24, 80}) == "\r\033[2Aa\033[K\nb\033[K\033[J");
    CHECK(redrawn(2, {}, {24, 80}) == "\r\033[1A\033[J");
    CHECK(redrawn(2, {"abcdef", "ghijkl", "mn"}, {2, 4}) == "\r\033[1Aghi\033[K\nmn\033[K\033[J");
}

TEST_CASE("a bar is as long as the share that is done") {
    CHECK(bar_text("tuning", 30, 60, "s: x") == "tuning [############            ] 30/60 s: x");
    CHECK(bar_text("tuning", 0, 0, "") == "tuning [                        ] 0/0 ");
    CHECK(bar_text("tuning", 61, 60, "").substr(0, 33) == "tuning [########################]");
}

}  // namespace halconv
