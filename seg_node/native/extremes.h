// SPDX-License-Identifier: Apache-2.0
// What tells whether planes of numbers can be probabilities.
#pragma once

#include <cstddef>

#include "team.h"

namespace seg {

struct Extremes {
    float error;   // by how much the sum of a pixel misses 1 at most; not finite if a sum is not
    float lowest;  // of all values
};

// `planes` are classes x pixels, at least one of each.
Extremes extremes(const float* planes, size_t classes, size_t pixels, Team& team);

}  // namespace seg
