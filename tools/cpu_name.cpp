#include "tools/cpu_name.h"

#include <fstream>

namespace halconv {

std::string cpuinfo(const std::string &key) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        size_t colon = line.find(": ");
        if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) {
            return line.substr(colon + 2);
        }
    }
    return {};
}

std::string cpu_name() {
    const std::string name = cpuinfo("model name"), part = cpuinfo("CPU part");
    if (!name.empty()) {
        return name;
    }
    return part.empty() ? "unknown" : "implementer " + cpuinfo("CPU implementer") + " part " + part;  // ARM's MIDR_EL1
}

}  // namespace halconv
