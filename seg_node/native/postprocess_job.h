// SPDX-License-Identifier: Apache-2.0
// What the inner loops of post-processing are given.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "postprocess.h"

namespace seg {

constexpr size_t kBlock = 64;   // pixels of a row that are worked on at a time
constexpr size_t kWidest = 16;  // floats in the widest vector

struct Job {
    ScoreWindow scores;
    float factor;  // of the scores, which makes them exponents of 2
    PixelMaps maps;
    bool planes;         // whether any class plane is wanted
    float margin;        // classes whose scores are below another's by this much do not count
    float far;           // where a best score may be below this, each pixel is shifted by its own
    float entropy_unit;  // 255 / log(classes)
    // Between which scores a pixel lies: cell and the next one, and the weight of the latter.
    const int32_t* row_cell;  // for each row of the image
    const float* row_weight;
    const int32_t* cell;  // for each column, rounded up to blocks
    const float* weight;
    size_t stride;  // from one class to the next in a loaded row of scores

    bool soft() const {
        return maps.confidence != nullptr || maps.entropy != nullptr || planes ||
               maps.probabilities != nullptr || maps.area != nullptr;
    }
};

// A thread's memory, in floats.
struct Scratch {
    float* rows[2];  // classes x stride: two rows of scores, shifted, the largest of a place is 0
    float* upper;    // classes x kBlock: scores of the first row, scaled to columns of the image
    float* change;   // classes x kBlock: and how much the second row's are above them
    float* powers;   // classes x kWidest

    static size_t size(size_t classes, size_t stride) {
        return classes * (2 * stride + 2 * kBlock + kWidest);
    }
    Scratch(float* memory, size_t classes, size_t stride) {
        rows[0] = memory;
        rows[1] = rows[0] + classes * stride;
        upper = rows[1] + classes * stride;
        change = upper + classes * kBlock;
        powers = change + classes * kBlock;
    }
};

// Fills rows of the image after checking rows of the scores; returns whether those are finite.
using FinishRows = bool (*)(const Job& job, Range checked, Range rows, const Scratch& scratch);
using ConfidenceRows = void (*)(const Job& job, const Points& points, const Scratch& scratch);

bool finish_rows_baseline(const Job& job, Range checked, Range rows, const Scratch& scratch);
void confidence_rows_baseline(const Job& job, const Points& points, const Scratch& scratch);
#if defined(__x86_64__)
bool finish_rows_avx2(const Job& job, Range checked, Range rows, const Scratch& scratch);
void confidence_rows_avx2(const Job& job, const Points& points, const Scratch& scratch);
bool finish_rows_avx512(const Job& job, Range checked, Range rows, const Scratch& scratch);
void confidence_rows_avx512(const Job& job, const Points& points, const Scratch& scratch);
#endif

}  // namespace seg
