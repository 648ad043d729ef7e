// SPDX-License-Identifier: Apache-2.0
// Pixels to simplices of the permutohedral lattice (Adams, Baek, Davis 2010, section 3).
#pragma once

#include "kernels.h"

namespace {

constexpr size_t kDimensions = seg::kFeatures;

// Coordinates in the plane x_0 + ... + x_5 = 0 (their section 3.1, the matrix E).
template <class V>
SEG_INLINE void elevate(const seg::Embedding& embedding, const float (*features)[seg::kStrip],
                        size_t at, V* elevated) {
    V total = V::fill(0.0F);
    for (size_t j = kDimensions; j > 0; --j) {
        const V one = V::load(features[j - 1] + at) * V::fill(embedding.scale[j - 1]);
        elevated[j] = fma(V::fill(-static_cast<float>(j)), one, total);
        total = total + one;
    }
    elevated[0] = total;
}

template <class V>
SEG_INLINE void sort_descending(V* s) {
    constexpr int network[12][2] = {{0, 5}, {1, 3}, {2, 4}, {1, 2}, {3, 4}, {0, 3},
                                    {2, 5}, {0, 1}, {2, 3}, {4, 5}, {1, 2}, {3, 4}};
    for (const auto& pair : network) {
        const V high = max(s[pair[0]], s[pair[1]]);
        s[pair[1]] = min(s[pair[0]], s[pair[1]]);
        s[pair[0]] = high;
    }
}

template <class V>
SEG_INLINE void locate_vector(const seg::Embedding& embedding,
                              const float (*features)[seg::kStrip], size_t at,
                              seg::Located& out) {
    const V zero = V::fill(0.0F);
    const V one = V::fill(1.0F);
    const V six = V::fill(6.0F);
    const V sixth = V::fill(1.0F / 6.0F);
    V elevated[6];
    V base[6];  // nearest point of remainder 0, in sixths
    V rank[6];  // of the distance to it, the largest is 0
    V distance[6];
    elevate(embedding, features, at, elevated);
    V excess = zero;
    for (size_t i = 0; i < 6; ++i) {
        base[i] = round(elevated[i] * sixth);
        distance[i] = fma(base[i], V::fill(-6.0F), elevated[i]);
        excess = excess + base[i];
        rank[i] = zero;
    }
    for (size_t i = 0; i < 5; ++i) {
        for (size_t j = i + 1; j < 6; ++j) {
            const V less = where_less(distance[i], distance[j], one, zero);
            rank[i] = rank[i] + less;
            rank[j] = rank[j] + (one - less);
        }
    }
    // Move the point back to the plane: those of the largest or smallest distance by one step.
    for (size_t i = 0; i < 6; ++i) {
        rank[i] = rank[i] + excess;
        const V up = where_less(rank[i], zero, one, zero);
        const V down = where_less(rank[i], V::fill(5.5F), zero, one);
        const V step = up - down;
        rank[i] = fma(step, six, rank[i]);
        base[i] = base[i] + step;
        distance[i] = fma(base[i], V::fill(-6.0F), elevated[i]) * sixth;
    }
    V order = zero;
    for (size_t i = 5; i-- > 0;) {
        base[i].store_int(out.base[i] + at);
        order = fma(order, V::fill(8.0F), rank[i]);
    }
    order.store_int(out.order + at);
    sort_descending(distance);
    (one + distance[5] - distance[0]).store(out.weight[0] + at);
    for (size_t k = 1; k < 6; ++k) (distance[5 - k] - distance[6 - k]).store(out.weight[k] + at);
}

template <class V>
void locate(const seg::Embedding& embedding, const float (*features)[seg::kStrip], size_t count,
            seg::Located& out) {
    for (size_t at = 0; at < count; at += V::width) {
        locate_vector<V>(embedding, features, at, out);
    }
}

}  // namespace
