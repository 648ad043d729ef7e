// SPDX-License-Identifier: Apache-2.0
// The inner loop of fitting, for blocks of neighbouring pixels; fitting_baseline.cpp says what a
// Block is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fitting_job.h"

namespace {

// Between which rows of the image one of the result lies.
struct RowPair {
    const uint8_t* upper;
    const uint8_t* lower;
    int32_t upper_weight, lower_weight;
};

SEG_INLINE RowPair rows_at(const seg::FitJob& job, size_t y) {
    const seg::FitTaps& rows = job.rows;
    return {job.image + rows.first[y] * job.step, job.image + rows.second[y] * job.step,
            rows.weights[2 * y], rows.weights[2 * y + 1]};
}

// The rows between which the next row lies are so far away that the processor expects others.
SEG_INLINE void prefetch(const RowPair& rows, int32_t at) {
    __builtin_prefetch(rows.upper + at);
    __builtin_prefetch(rows.lower + at);
}

// 128ths of a level, so that the result has 15 bits.
SEG_INLINE int32_t between(int32_t first, int32_t second, const int16_t* weights) {
    return (first * weights[0] + second * weights[1]) >> 4;
}

// One pixel, anywhere; no byte of the image is read but those of its neighbours.
inline void fit_pixel(const seg::FitJob& job, const RowPair& rows, size_t x, float* to) {
    const int16_t* weights = job.columns.weights + x * 2 * seg::kWeightCopies;
    for (size_t c = 0; c < seg::kChannels; ++c) {
        const size_t first = static_cast<size_t>(job.columns.first[x]) + c;
        const size_t second = static_cast<size_t>(job.columns.second[x]) + c;
        const int32_t upper = between(rows.upper[first], rows.upper[second], weights);
        const int32_t lower = between(rows.lower[first], rows.lower[second], weights);
        const int32_t quarters =
            ((upper * rows.upper_weight) >> 16) + ((lower * rows.lower_weight) >> 16);
        to[c * job.plane] = static_cast<float>((quarters + 2) >> 2);
    }
}

template <class Block>
void fit_rows(const seg::FitJob& job) {
    const size_t whole = job.inside / Block::pixels * Block::pixels;
    for (size_t y = 0; y < job.height; ++y) {
        const RowPair rows = rows_at(job, y);
        const RowPair next = rows_at(job, y + 1 < job.height ? y + 1 : y);
        const Block block(rows);
        float* to = job.planes + y * job.row;
        for (size_t x = 0; x < whole; x += Block::pixels) {
            prefetch(next, job.columns.first[x]);
            prefetch(next, job.columns.first[x + Block::pixels / 2]);
            block.fit(job, x, to + x);
        }
        for (size_t x = whole; x < job.width; ++x) fit_pixel(job, rows, x, to + x);
    }
}

}  // namespace
