// SPDX-License-Identifier: Apache-2.0
// Between planes (one class at all pixels) and rows (all classes at one pixel).
#pragma once

#include "functions.h"
#include "kernels.h"

namespace {

// W pixels of a plane; `x` are their columns.
template <class V>
SEG_INLINE V pick(const float* plane, const uint32_t* x, bool neighbours) {
    if (neighbours) return V::load(plane + x[0]);
    float values[V::width];
    for (size_t i = 0; i < V::width; ++i) values[i] = plane[x[i]];
    return V::load(values);
}

template <class V>
SEG_INLINE void store_block(V* block, size_t count, float* rows, size_t lanes) {
    transpose(block);
    for (size_t i = 0; i < count; ++i) block[i].store(rows + i * lanes);
}

template <class V>
void log_planes(const float* planes, size_t plane, size_t classes, const uint32_t* x, size_t count,
                float clip, float* rows, size_t lanes) {
    constexpr size_t w = V::width;
    for (size_t at = 0; at < count; at += w) {
        const size_t some = count - at < w ? count - at : w;
        uint32_t columns[w];
        for (size_t i = 0; i < w; ++i) columns[i] = x[at + (i < some ? i : some - 1)];
        const bool neighbours = columns[w - 1] - columns[0] == w - 1;
        for (size_t first = 0; first < lanes; first += w) {
            V block[w];
            for (size_t c = 0; c < w; ++c) {
                if (first + c >= classes) {
                    block[c] = V::fill(seg::kPad);
                    continue;
                }
                const V p = pick<V>(planes + (first + c) * plane, columns, neighbours);
                block[c] = log(max(p, V::fill(clip)));
            }
            store_block(block, some, rows + at * lanes + first, lanes);
        }
    }
}

template <class V>
void to_planes(const float* rows, size_t count, size_t classes, float* planes, size_t plane,
               size_t lanes) {
    constexpr size_t w = V::width;
    for (size_t at = 0; at < count; at += w) {
        const size_t some = count - at < w ? count - at : w;
        for (size_t first = 0; first < classes; first += w) {
            V block[w];
            for (size_t i = 0; i < w; ++i) {
                block[i] = V::load(rows + (at + (i < some ? i : 0)) * lanes + first);
            }
            transpose(block);
            for (size_t c = 0; c < w && first + c < classes; ++c) {
                float values[w];
                block[c].store(values);
                float* to = planes + (first + c) * plane + at;
                for (size_t i = 0; i < some; ++i) to[i] = values[i];
            }
        }
    }
}

}  // namespace
