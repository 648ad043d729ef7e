// SPDX-License-Identifier: Apache-2.0
// An image scaled into the planes of a network's input, in one pass over the rows of the result.
//
// The arithmetic is that of OpenCV's bilinear scaling of bytes, bit by bit, what it cuts off
// included: networks were trained and measured with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seg {

// Between which two rows or columns of the image those of the result lie.
struct FitAxis {
    std::vector<int32_t> first, second;  // rows, or bytes of a row
    std::vector<int16_t> weights;        // of first and second in turn, in 2048ths
};

// All that depends on the sizes alone.
struct FitPlan {
    size_t image_height, image_width;
    size_t height, width;  // of the result
    FitAxis rows, columns;
    size_t inside;  // columns, from the left, around which vectors can be read
};

// No size may be 0, and no length of the image above 2^28.
FitPlan plan_fit(size_t image_height, size_t image_width, size_t height, size_t width);

// An image of three bytes per pixel.
struct FitImage {
    const uint8_t* pixels;
    ptrdiff_t step;  // bytes from one row to the next, which may lie before it
};

// A rectangle of the network's input.
struct FitPlanes {
    float* levels;      // of its first row and column, in the first plane
    size_t row, plane;  // from one row, and from one plane, to the next
};

// Fills the planes with whole numbers from 0 to 255, the same ones at all levels.
void fit(const FitPlan& plan, const FitImage& image, const FitPlanes& planes, const char* level);

}  // namespace seg
