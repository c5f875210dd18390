// Which processor this is, as tuning records have it.
#pragma once

#include <string>

namespace halconv {

// The value of the first line "key : value" of /proc/cpuinfo; empty where there is none.
std::string cpuinfo(const std::string &key);

// The model's name; "unknown" where the system does not tell.
std::string cpu_name();

}  // namespace halconv
