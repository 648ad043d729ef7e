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

// Cells between the row above and the row below, from `first` to `last`.
template <class V, size_t N>
SEG_INLINE void blend_rows(const seg::CellRows& rows, size_t first, size_t last, float* out,
                           size_t lanes) {
    const V upper = V::fill(1 - rows.weight);
    const V lower = V::fill(rows.weight);
    for (size_t at = first * lanes; at < (last + 1) * lanes; at += V::width, out += V::width) {
        fma(V::load(rows.below + at), lower, V::load(rows.above + at) * upper).store(out);
    }
}

// Pixels begin to end from one row of cells, of which `cells` holds those from `first` on.
template <class V, size_t N>
SEG_INLINE void spread_row(const float* in, size_t begin, size_t end, const float* cells,
                           size_t first, const seg::CellColumns& columns, float factor, float* out,
                           size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = begin; i < end; ++i) {
        const float* left = cells + (columns.cell[i] - first) * lanes;
        const float* right = columns.cell[i] < columns.last ? left + lanes : left;
        const float scale = factor * columns.norm[i];
        const V a = V::fill((1 - columns.weight[i]) * scale);
        const V b = V::fill(columns.weight[i] * scale);
        for (size_t k = 0; k < n * V::width; k += V::width) {
            const size_t at = i * lanes + k;
            const V one = fma(V::load(left + k), a, V::load(in + at));
            fma(V::load(right + k), b, one).store(out + at);
        }
    }
}

// Pixels ascend, so a few neighbouring cells serve all of them: blended once between both rows,
// they serve each pixel with two values instead of four.
template <class V, size_t N>
void spread(const float* in, size_t count, const seg::CellRows& rows,
            const seg::CellColumns& columns, float factor, float* out, size_t lanes) {
    if (rows.weight == 0) {
        spread_row<V, N>(in, 0, count, rows.above, 0, columns, factor, out, lanes);
        return;
    }
    constexpr size_t kRoom = seg::kStrip + 2;
    alignas(64) float cells[kRoom * (N ? N * V::width : seg::kMostLanes)];
    for (size_t begin = 0; begin < count;) {
        const size_t first = columns.cell[begin];
        size_t end = begin + 1;
        while (end < count && columns.cell[end] + 2 - first <= kRoom) ++end;
        const size_t next = columns.cell[end - 1] + 1;
        blend_rows<V, N>(rows, first, next < columns.last ? next : columns.last, cells, lanes);
        spread_row<V, N>(in, begin, end, cells, first, columns, factor, out, lanes);
        begin = end;
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
