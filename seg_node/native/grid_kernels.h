// SPDX-License-Identifier: Apache-2.0
// Inner loops of the Gaussian kernel: pixels to cells, separable convolution, cells to pixels.
#pragma once

#include "kernels.h"
#include "row_kernels.h"

namespace {

template <class V, size_t N>
void gather(const float* rows, size_t count, const uint32_t* cell, const float* norm, float factor,
            float* cells, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = 0; i < count; ++i, rows += lanes) {
        float* to = cells + cell[i] * lanes;
        const V weight = V::fill(norm[i] * factor);
        for (size_t k = 0; k < n * V::width; k += V::width) {
            fma(V::load(rows + k), weight, V::load(to + k)).store(to + k);
        }
    }
}

template <class V, size_t N>
void spread(const float* in, size_t count, const seg::CellRows& rows,
            const seg::CellColumns& columns, float factor, float* out, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = 0; i < count; ++i, in += lanes, out += lanes) {
        const size_t left = columns.cell[i] * lanes;
        const size_t right = columns.cell[i] < columns.last ? left + lanes : left;
        const float scale = factor * columns.norm[i];
        const float x = columns.weight[i];
        const V a = V::fill((1 - rows.weight) * (1 - x) * scale);
        const V b = V::fill((1 - rows.weight) * x * scale);
        const V c = V::fill(rows.weight * (1 - x) * scale);
        const V d = V::fill(rows.weight * x * scale);
        for (size_t k = 0; k < n * V::width; k += V::width) {
            const V upper = fma(V::load(rows.above + left + k), a, V::load(in + k));
            const V lower = V::load(rows.below + left + k) * c;
            const V top = fma(V::load(rows.above + right + k), b, upper);
            (top + fma(V::load(rows.below + right + k), d, lower)).store(out + k);
        }
    }
}

template <class V, size_t N>
SEG_INLINE void convolve_one(const float* in, size_t i, size_t count, const float* taps,
                             size_t radius, float* out, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t k = 0; k < n * V::width; k += V::width) {
        const float* centre = in + i * lanes + k;
        V total = V::load(centre) * V::fill(taps[0]);
        for (size_t t = 1; t <= radius; ++t) {
            const V tap = V::fill(taps[t]);
            if (t <= i) total = fma(V::load(centre - t * lanes), tap, total);
            if (i + t < count) total = fma(V::load(centre + t * lanes), tap, total);
        }
        total.store(out + i * lanes + k);
    }
}

template <class V, size_t N>
void convolve(const float* in, size_t count, const float* taps, size_t radius, float* out,
              size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    const size_t inner = count > 2 * radius ? radius : count;
    for (size_t i = 0; i < inner; ++i) {
        convolve_one<V, N>(in, i, count, taps, radius, out, lanes);
    }
    for (size_t i = inner; i + radius < count; ++i) {
        for (size_t k = 0; k < n * V::width; k += V::width) {
            const float* centre = in + i * lanes + k;
            V total = V::load(centre) * V::fill(taps[0]);
            for (size_t t = 1; t <= radius; ++t) {
                const V sides = V::load(centre - t * lanes) + V::load(centre + t * lanes);
                total = fma(sides, V::fill(taps[t]), total);
            }
            total.store(out + i * lanes + k);
        }
    }
    for (size_t i = inner < count ? count - radius : count; i < count; ++i) {
        convolve_one<V, N>(in, i, count, taps, radius, out, lanes);
    }
}

template <class V>
void combine(const float* const* in, const float* weights, size_t terms, size_t size, float* out) {
    for (size_t at = 0; at < size; at += V::width) {
        V total = V::load(in[0] + at) * V::fill(weights[0]);
        for (size_t t = 1; t < terms; ++t) {
            total = fma(V::load(in[t] + at), V::fill(weights[t]), total);
        }
        total.store(out + at);
    }
}

}  // namespace
