// SPDX-License-Identifier: Apache-2.0
#include "extremes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace seg {

namespace {

constexpr size_t kBlock = 1024;  // pixels whose sums stay in cache

// One number for each place in a block, so that the compiler takes many at once; it may not
// reorder sums or comparisons.
struct Found {
    std::array<float, kBlock> error{};
    std::array<float, kBlock> total{};  // of errors: a maximum would lose what is not a number
    std::array<float, kBlock> lowest;

    Found() { lowest.fill(std::numeric_limits<float>::infinity()); }

    void add(const float* planes, size_t classes, size_t pixels, size_t begin, size_t count) {
        std::array<float, kBlock> sums{};
        for (size_t c = 0; c < classes; ++c) {
            const float* from = planes + c * pixels + begin;
            for (size_t i = 0; i < count; ++i) {
                sums[i] += from[i];
                lowest[i] = std::min(lowest[i], from[i]);
            }
        }
        for (size_t i = 0; i < count; ++i) {
            const float missed = std::abs(sums[i] - 1);
            error[i] = std::max(error[i], missed);
            total[i] += missed;
        }
    }

    Extremes extremes() const {
        Extremes result{error[0], lowest[0]};
        for (size_t i = 0; i < kBlock; ++i) {
            result.error = std::max(result.error, error[i]);
            result.lowest = std::min(result.lowest, lowest[i]);
        }
        for (const float one : total) {
            if (!std::isfinite(one)) result.error = one;
        }
        return result;
    }
};

}  // namespace

Extremes extremes(const float* planes, size_t classes, size_t pixels, Team& team) {
    std::vector<Extremes> found(team.size());
    Blocks blocks(pixels, kBlock);
    team.run([&](size_t member) {
        Found own;
        for (Range some; blocks.take(some);) {
            own.add(planes, classes, pixels, some.begin, some.end - some.begin);
        }
        found[member] = own.extremes();
    });
    Extremes result = found[0];
    for (const Extremes& one : found) {
        if (std::isfinite(result.error) && !(one.error <= result.error)) result.error = one.error;
        result.lowest = std::min(result.lowest, one.lowest);
    }
    return result;
}

}  // namespace seg
