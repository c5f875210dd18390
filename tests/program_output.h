// What tests say of the program's output.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program.h"

namespace halconv {

inline std::vector<nlohmann::json> json_lines(const std::string &text) {
    std::istringstream lines(text);
    std::vector<nlohmann::json> objects;
    for (std::string line; std::getline(lines, line);) {
        objects.push_back(nlohmann::json::parse(line));
    }
    return objects;
}

// One line, with the program's name, and nothing on stdout.
inline void check_error(const ProgramResult &result, int status, const std::string &text) {
    INFO(result.err);
    CHECK(result.status == status);
    CHECK(result.out == "");
    CHECK_THAT(result.err, Catch::Matchers::StartsWith("halconv: ") && Catch::Matchers::Contains(text));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
}

}  // namespace halconv
