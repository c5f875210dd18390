// The runs of the inner-product form: how a window's x taps and channels lie in vectors.
#pragma once

#include "runtime/core/conv_shape.h"

namespace halconv {

// An inner product takes the x taps of a window and their channels as one run of `length` elements, in the order of the
// inputs, in vectors of `lanes`. The runs of different phases start apart and end alike: the first `common` vectors, which
// the shortest run has whole, end with the run and are the same inputs for all phases; the other vectors of a longer run
// go on towards its start, and the last of them begins with the run and repeats elements of the vector before.
template <class T> struct RunVectors {
    T length, lanes, common;

    T count() const { return Arithmetic<T>::floor_div(length + lanes - 1, lanes); }
    // How far before the run's end vector w begins, for w < common and from there on.
    T common_reach(T w) const { return (common - w) * lanes; }
    T other_reach(T w) const { return Arithmetic<T>::min((w + 1) * lanes, length); }
    // The end of the elements that no earlier vector holds, for w >= common.
    T other_end(T w) const { return length - w * lanes; }
};

// The axis x of an inner product with `channels` inputs a tap: the shortest run, and the run of phase r (0 for conv).
template <class T> T shortest_run(const PhaseAxis<T> &x, bool transposed, T channels) {
    return (transposed ? x.least_taps() : x.axis.kernel) * channels;
}
template <class T> RunVectors<T> run_of_phase(const PhaseAxis<T> &x, bool transposed, T channels, T lanes, T r) {
    T common = Arithmetic<T>::floor_div(shortest_run(x, transposed, channels), lanes);
    return {(transposed ? x.taps(r) : x.axis.kernel) * channels, lanes, common};
}

}  // namespace halconv
