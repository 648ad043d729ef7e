// SPDX-License-Identifier: Apache-2.0
// Inner loops over rows of classes. N is the number of vectors in a row, or 0 for any number.
#pragma once

#include "functions.h"
#include "kernels.h"

namespace {

template <class V, size_t N>
SEG_INLINE size_t vectors(size_t lanes) {
    return N ? N : lanes / V::width;
}

// The end of the run of pixels from i on that lie in one simplex.
SEG_INLINE size_t run_end(const seg::Site* sites, size_t i, size_t count) {
    const uint32_t simplex = sites[i].simplex;
    size_t end = i + 1;
    while (end < count && sites[end].simplex == simplex) ++end;
    return end;
}

template <class V, size_t N>
void slice(const float* in, const seg::Site* sites, const seg::Simplex* simplices, size_t count,
           const float* values, float* out, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = 0; i < count; ++i) {
        const uint32_t* vertex = simplices[sites[i].simplex].vertex;
        const V norm = V::fill(sites[i].norm);
        V weight[6];
        for (size_t c = 0; c < 6; ++c) weight[c] = V::fill(sites[i].weight[c]);
        for (size_t k = 0; k < n * V::width; k += V::width) {
            const float* from = values + k;
            V even = V::load(from + vertex[0] * lanes) * weight[0];
            V odd = V::load(from + vertex[1] * lanes) * weight[1];
            for (size_t c = 2; c < 6; c += 2) {
                even = fma(V::load(from + vertex[c] * lanes), weight[c], even);
                odd = fma(V::load(from + vertex[c + 1] * lanes), weight[c + 1], odd);
            }
            const size_t at = i * lanes + k;
            fma(norm, even + odd, V::load(in + at)).store(out + at);
        }
    }
}

// Adds up B vectors of the rows begin to end, which lie in one simplex. Sums stay in registers:
// adding to memory pixel by pixel would wait for each store.
template <class V, size_t B>
SEG_INLINE void splat_run(const float* rows, const seg::Site* sites, size_t begin, size_t end,
                          const uint32_t* vertex, float* values, size_t lanes) {
    V total[6][B];
    for (auto& corner : total) {
        for (V& one : corner) one = V::fill(0.0F);
    }
    for (size_t p = begin; p < end; ++p) {
        const V norm = V::fill(sites[p].norm);
        V row[B];
        for (size_t k = 0; k < B; ++k) row[k] = V::load(rows + p * lanes + k * V::width) * norm;
        for (size_t c = 0; c < 6; ++c) {
            const V weight = V::fill(sites[p].weight[c]);
            for (size_t k = 0; k < B; ++k) total[c][k] = fma(row[k], weight, total[c][k]);
        }
    }
    for (size_t c = 0; c < 6; ++c) {
        float* to = values + vertex[c] * lanes;
        for (size_t k = 0; k < B; ++k) {
            (V::load(to + k * V::width) + total[c][k]).store(to + k * V::width);
        }
    }
}

template <class V, size_t N>
void splat(const float* rows, const seg::Site* sites, const seg::Simplex* simplices, size_t count,
           float* values, size_t lanes) {
    constexpr size_t block = N <= 3 && N > 0 ? N : 1;  // 6 x 3 sums, and there are 32 registers
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = 0; i < count;) {
        const size_t end = run_end(sites, i, count);
        const uint32_t* vertex = simplices[sites[i].simplex].vertex;
        for (size_t k = 0; k < n * V::width; k += block * V::width) {
            splat_run<V, block>(rows + k, sites, i, end, vertex, values + k, lanes);
        }
        i = end;
    }
}

template <class V, size_t N>
void blur(const float* in, const seg::Pair* neighbours, size_t begin, size_t end, float* out,
          size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    const V half = V::fill(0.5F);
    for (size_t i = begin; i < end; ++i) {
        const float* before = in + neighbours[i - begin].before * lanes;
        const float* after = in + neighbours[i - begin].after * lanes;
        for (size_t k = 0; k < n * V::width; k += V::width) {
            const V sides = V::load(before + k) + V::load(after + k);
            fma(half, sides, V::load(in + i * lanes + k)).store(out + i * lanes + k);
        }
    }
}

template <class V, size_t N>
SEG_INLINE void multiply_matrix(float* row, const float* matrix, size_t classes, size_t lanes,
                                float* copy) {
    for (size_t k = 0; k < lanes; k += V::width) V::load(row + k).store(copy + k);
    for (size_t k = 0; k < lanes; k += V::width) {
        V total = V::fill(0.0F);
        for (size_t c = 0; c < classes; ++c) {
            total = fma(V::load(matrix + c * lanes + k), V::fill(copy[c]), total);
        }
        total.store(row + k);
    }
}

template <class V, size_t N>
void transform(float* rows, size_t count, const seg::Compat& compat, size_t classes,
               size_t lanes) {
    float copy[seg::kMostLanes];
    for (size_t i = 0; i < count; ++i) {
        float* row = rows + i * lanes;
        if (compat.form == seg::Compat::kMatrix) {
            multiply_matrix<V, N>(row, compat.values, classes, lanes, copy);
            continue;
        }
        for (size_t k = 0; k < lanes; k += V::width) {
            const bool single = compat.form == seg::Compat::kScalar;
            const V factor = single ? V::fill(compat.values[0]) : V::load(compat.values + k);
            (factor * V::load(row + k)).store(row + k);
        }
    }
}

// Returns the sum; the powers are in `out`.
template <class V, size_t N>
SEG_INLINE float powers(const float* in, float shift, float* out, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    const V high = V::fill(shift);
    V total = V::fill(0.0F);
    for (size_t k = 0; k < n; ++k) {
        const V power = exp(V::load(in + k * V::width) - high);
        power.store(out + k * V::width);
        total = total + power;
    }
    return sum(total);
}

template <class V, size_t N>
SEG_INLINE float row_largest(const float* row, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    V best = V::load(row);
    for (size_t k = 1; k < n; ++k) best = max(best, V::load(row + k * V::width));
    return largest(best);
}

template <class V, size_t N>
void softmax(const float* in, size_t count, float* out, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = 0; i < count; ++i, in += lanes, out += lanes) {
        const float total = powers<V, N>(in, row_largest<V, N>(in, lanes), out, lanes);
        const V inverse = V::fill(1.0F / total);
        for (size_t k = 0; k < n * V::width; k += V::width) {
            (V::load(out + k) * inverse).store(out + k);
        }
    }
}

template <class V, size_t N>
void winners(const float* rows, size_t count, uint8_t* labels, float* best, size_t lanes) {
    const size_t n = vectors<V, N>(lanes);
    for (size_t i = 0; i < count; ++i, rows += lanes) {
        best[i] = row_largest<V, N>(rows, lanes);
        const V high = V::fill(best[i]);
        labels[i] = 0;
        for (size_t k = 0; k < n; ++k) {
            const uint32_t hits = equal(V::load(rows + k * V::width), high);
            if (hits != 0) {
                labels[i] = static_cast<uint8_t>(k * V::width + __builtin_ctz(hits));
                break;
            }
        }
    }
}

template <class V, size_t N>
void log_softmax(const float* in, size_t count, size_t classes, float least, float* out,
                 size_t lanes) {
    for (size_t i = 0; i < count; ++i, in += lanes, out += lanes) {
        const float high = row_largest<V, N>(in, lanes);
        float scratch[seg::kMostLanes];
        const float total = powers<V, N>(in, high, scratch, lanes);
        V::fill(total).store(scratch);
        log(V::load(scratch)).store(scratch);
        const V shift = V::fill(high + scratch[0]);
        for (size_t k = 0; k < lanes; k += V::width) {
            max(V::load(in + k) - shift, V::fill(least)).store(out + k);
        }
        for (size_t c = classes; c < lanes; ++c) out[c] = seg::kPad;
    }
}

}  // namespace
