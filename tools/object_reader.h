// Reads JSON objects strictly: each fault is one line that names the place and the key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/layer.h"

namespace halconv {

using OrderedJson = nlohmann::ordered_json;

// Reads the keys of one object, each once; whatever was not read is unknown.
class ObjectReader {
  public:
    ObjectReader(const OrderedJson &object, std::string place) : object_(object), place_(std::move(place)) {
        if (!object.is_object()) {
            throw InputError(fmt::format("{}: expected a JSON object, not {}", place_, object.type_name()));
        }
    }

    bool has(const char *key) const { return object_.contains(key); }
    const OrderedJson &need(const char *key) {
        auto found = object_.find(key);
        if (found == object_.end()) {
            throw InputError(fmt::format("{}: key \"{}\" is missing", place_, key));
        }
        known_.emplace_back(key);
        return *found;
    }
    std::string text(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_string()) {
            fail(key, fmt::format("must be text, not {}", value.type_name()));
        }
        return value.get<std::string>();
    }
    int integer(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > INT32_MAX) {
            fail(key, fmt::format("must be an integer from 0 to 2^31 - 1, not {}", value.dump()));
        }
        return value.get<int>();
    }
    // Of keys that records from before them do not have.
    int integer_or(const char *key, int absent) { return object_.contains(key) ? integer(key) : absent; }
    double number(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_number() || value.get<double>() < 0) {
            fail(key, fmt::format("must be a number that is not negative, not {}", value.dump()));
        }
        return value.get<double>();
    }
    double positive(const char *key) {
        const double value = number(key);
        if (value == 0) {
            fail(key, "must not be 0");
        }
        return value;
    }
    bool flag(const char *key) {
        const OrderedJson &value = need(key);
        if (!value.is_boolean()) {
            fail(key, fmt::format("must be true or false, not {}", value.dump()));
        }
        return value.get<bool>();
    }
    void end() const {
        for (const auto &[key, value] : object_.items()) {
            if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
                fail(key.c_str(), "is unknown");
            }
        }
    }
    [[noreturn]] void fail(const char *key, const std::string &reason) const {
        throw InputError(fmt::format("{}: key \"{}\" {}", place_, key, reason));
    }
    const std::string &place() const { return place_; }

  private:
    const OrderedJson &object_;
    std::string place_;
    std::vector<std::string> known_;
};

}  // namespace halconv
