// SPDX-License-Identifier: Apache-2.0
// What the inner loops of fitting are given.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"

namespace seg {

constexpr size_t kChannels = 3;      // red, green and blue, side by side in the image
constexpr size_t kPixelBytes = 8;    // of the image that vectors read: two neighbours, and more
constexpr size_t kWeightCopies = 4;  // of a column's two weights: one for each lane of a pixel

// See FitAxis.
struct FitTaps {
    const int32_t* first;
    const int32_t* second;
    const int16_t* weights;
};

struct FitJob {
    const uint8_t* image;
    ptrdiff_t step;
    FitTaps rows, columns;  // columns have kWeightCopies of their weights
    size_t height, width;   // of the result
    size_t inside;          // columns, from the left, with kPixelBytes from `first` on in the row
    float* planes;
    size_t row, plane;
};

using FitRows = void (*)(const FitJob& job);

void fit_rows_baseline(const FitJob& job);
#if defined(__x86_64__)
void fit_rows_avx2(const FitJob& job);
#endif

}  // namespace seg
