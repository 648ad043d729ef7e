// SPDX-License-Identifier: Apache-2.0
#include "fitting.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "fitting_job.h"
#include "kernels.h"

namespace seg {

namespace {

constexpr float kOne = 2048.0F;  // a whole weight

// Single precision in the end, as OpenCV has it: with more, some weights would be others.
float centre_of(size_t pixel, size_t pixels, size_t available) {
    const double scale = 1.0 / (static_cast<double>(pixels) / static_cast<double>(available));
    return static_cast<float>((static_cast<double>(pixel) + 0.5) * scale - 0.5);
}

int16_t weight_of(float share) { return static_cast<int16_t>(std::nearbyint(share * kOne)); }

// Beyond the outermost pixels there is only one to look at. OpenCV forgets the other one's weight
// in columns, and takes the same row twice; sums that are cut off differ.
FitAxis axis_of(size_t pixels, size_t available, size_t unit, size_t copies, bool forget) {
    FitAxis axis;
    const auto last = static_cast<int32_t>(available - 1);
    const auto size = static_cast<int32_t>(unit);
    for (size_t i = 0; i < pixels; ++i) {
        const float centre = centre_of(i, pixels, available);
        const auto first = static_cast<int32_t>(std::floor(centre));
        const bool beyond = first < 0 || first >= last;
        const float share = beyond && forget ? 0.0F : centre - std::floor(centre);
        axis.first.push_back(std::min(std::max(first, 0), last) * size);
        axis.second.push_back(std::min(std::max(first + 1, 0), last) * size);
        for (size_t k = 0; k < copies; ++k) {
            axis.weights.push_back(weight_of(1.0F - share));
            axis.weights.push_back(weight_of(share));
        }
    }
    return axis;
}

FitRows rows_of(const char* level) {
    expect_level(level);
#if defined(__x86_64__)
    // Wider vectors would gain little: most of the work is to fetch pixels one by one.
    if (std::strcmp(level, "baseline") != 0) return fit_rows_avx2;
#endif
    return fit_rows_baseline;
}

FitTaps taps_of(const FitAxis& axis) {
    return {axis.first.data(), axis.second.data(), axis.weights.data()};
}

}  // namespace

FitPlan plan_fit(size_t image_height, size_t image_width, size_t height, size_t width) {
    FitPlan plan{image_height, image_width, height, width, {}, {}, 0};
    plan.rows = axis_of(height, image_height, 1, 1, false);
    plan.columns = axis_of(width, image_width, kChannels, kWeightCopies, true);
    const size_t end = kChannels * image_width;
    for (const int32_t first : plan.columns.first) {
        if (static_cast<size_t>(first) + kPixelBytes > end) break;
        ++plan.inside;
    }
    return plan;
}

void fit(const FitPlan& plan, const FitImage& image, const FitPlanes& planes, const char* level) {
    rows_of(level)({image.pixels, image.step, taps_of(plan.rows), taps_of(plan.columns),
                    plan.height, plan.width, plan.inside, planes.levels, planes.row,
                    planes.plane});
}

}  // namespace seg
