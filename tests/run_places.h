// Where the elements of an inner product's run lie in its vectors, element by element, from the text of
// runtime/core/kernel_table.h and not from RunVectors.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace halconv {

struct RunPlaces {
    int64_t length, lanes, shortest;  // of this run, of a vector, and the length of the shortest phase's run

    // {vector, lane} of an element. The common vectors end with the run; the others go towards its start in front of them.
    std::array<int64_t, 2> of(int64_t element) const {
        int64_t common = shortest / lanes, behind = length - element;  // elements from this one to the run's end
        if (behind <= common * lanes) {
            int64_t place = common * lanes - behind;
            return {place / lanes, place % lanes};
        }
        int64_t vector = (behind - 1) / lanes, first = std::max<int64_t>(length - (vector + 1) * lanes, 0);
        return {vector, element - first};
    }
};

}  // namespace halconv
