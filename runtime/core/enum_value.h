// The integer in an enumeration that a caller passed: it may be any, and loading it as the enumeration would be
// undefined.
#pragma once

#include <cstdint>
#include <cstring>

namespace halconv {

template <class Enum> int32_t enum_value(const Enum &field) {
    static_assert(sizeof(Enum) == sizeof(int32_t), "the C enumerations are ints");
    int32_t value;
    std::memcpy(&value, &field, sizeof(value));
    return value;
}

}  // namespace halconv
