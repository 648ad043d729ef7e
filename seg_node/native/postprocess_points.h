// SPDX-License-Identifier: Apache-2.0
// Inner loop over some pixels of an image, where that over all would be waste.
#pragma once

#include "postprocess_kernels.h"

namespace {

// 255 x the probability of a given label, of V::width pixels in one row.
template <class V>
V confidence_of(const seg::Job& job, const Rows<V>& rows, const size_t* columns, float lower,
                const uint8_t* labels, float* powers) {
    int32_t cell[V::width];
    float weights[V::width];
    for (size_t i = 0; i < V::width; ++i) {
        cell[i] = job.cell[columns[i]];
        weights[i] = job.weight[columns[i]];
    }
    const Anywhere<V> pick{cell, 0};
    const V across = V::load(weights);
    V best = V::fill(-2.0F * kFarthest);
    for (size_t k = 0; k < job.scores.classes; ++k) {
        const float* above = rows.above() + k * job.stride;
        const float* below = rows.below() + k * job.stride;
        const V left = pick(above);
        const V lower_left = pick(below);
        const V upper = fma(pick(above + 1) - left, across, left);
        const V under = fma(pick(below + 1) - lower_left, across, lower_left);
        const V z = fma(under - upper, V::fill(lower), upper);
        z.store(powers + k * V::width);
        best = max(best, z);
    }
    V total = V::fill(0.0F);
    for (size_t k = 0; k < job.scores.classes; ++k) {
        const V below = V::load(powers + k * V::width) - best;
        const V power = power_of_2(max(below, V::fill(kReach)));
        power.store(powers + k * V::width);
        total = total + power;
    }
    float chosen[V::width];
    for (size_t i = 0; i < V::width; ++i) {
        chosen[i] = powers[labels[columns[i]] * V::width + i];
    }
    return V::load(chosen) / total * V::fill(255.0F);
}

template <class V>
void confidence_rows(const seg::Job& job, const seg::Points& points, const seg::Scratch& scratch) {
    Rows<V> rows(job, scratch);
    uint8_t* out = points.confidence;
    for (size_t y = 0; y < points.height; ++y) {
        const uint8_t* where = points.where + y * points.width;
        size_t x = 0;
        while (x < points.width) {
            size_t columns[V::width];
            size_t count = 0;
            for (; x < points.width && count < V::width; ++x) {
                columns[count] = x;
                count += where[x] != 0;
            }
            if (count == 0) break;
            for (size_t i = count; i < V::width; ++i) columns[i] = columns[count - 1];
            rows.go_to(y);
            const uint8_t* labels = points.labels + y * points.width;
            put(confidence_of<V>(job, rows, columns, job.row_weight[y], labels, scratch.powers),
                out, count);
            out += count;
        }
    }
}

}  // namespace
