// SPDX-License-Identifier: Apache-2.0
// As level_avx2.cpp: only what comes before the pragma may be shared with other files.
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "fitting_job.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "fitting_kernels.h"

namespace {

// A pixel and its right neighbour in the upper row, then in the lower row.
SEG_INLINE __m128i neighbours(const RowPair& rows, int32_t at) {
    const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows.upper + at));
    const __m128i lower = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows.lower + at));
    return _mm_unpacklo_epi64(upper, lower);
}

// Bytes to words, both neighbours' red side by side, then green and blue.
SEG_INLINE __m256i pairs_of_upper() {
    return _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
}

SEG_INLINE __m256i pairs_of_lower() {
    return _mm256_broadcastsi128_si256(
        _mm_setr_epi8(8, -1, 11, -1, 9, -1, 12, -1, 10, -1, 13, -1, -1, -1, -1, -1));
}

SEG_INLINE __m256i weights_of(const RowPair& rows) {
    return _mm256_unpacklo_epi64(_mm256_set1_epi16(static_cast<int16_t>(rows.upper_weight)),
                                 _mm256_set1_epi16(static_cast<int16_t>(rows.lower_weight)));
}

// See fitting_baseline.cpp.
struct Block8 {
    static constexpr size_t pixels = 8;
    RowPair rows;
    __m256i upper_pairs, lower_pairs, row_weights;

    SEG_INLINE explicit Block8(const RowPair& pair)
        : rows(pair), upper_pairs(pairs_of_upper()), lower_pairs(pairs_of_lower()),
          row_weights(weights_of(pair)) {}

    // Pixels x and x + 1, one in each half: what the upper row adds, then the lower row.
    SEG_INLINE __m256i two(const seg::FitJob& job, size_t x) const {
        const int32_t* at = job.columns.first + x;
        const __m256i bytes = _mm256_inserti128_si256(
            _mm256_castsi128_si256(neighbours(rows, at[0])), neighbours(rows, at[1]), 1);
        const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
            job.columns.weights + x * 2 * seg::kWeightCopies));
        const __m256i upper = _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, upper_pairs), weights);
        const __m256i lower = _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, lower_pairs), weights);
        const __m256i both =
            _mm256_packs_epi32(_mm256_srli_epi32(upper, 4), _mm256_srli_epi32(lower, 4));
        return _mm256_mulhi_epi16(both, row_weights);
    }

    // Levels of pixels x and x + 2 in the lower half, of x + 1 and x + 3 in the upper half.
    SEG_INLINE __m256i four(const seg::FitJob& job, size_t x) const {
        const __m256i left = two(job, x);
        const __m256i right = two(job, x + 2);
        const __m256i quarters = _mm256_add_epi16(_mm256_unpacklo_epi64(left, right),
                                                  _mm256_unpackhi_epi64(left, right));
        return _mm256_srli_epi16(_mm256_add_epi16(quarters, _mm256_set1_epi16(2)), 2);
    }

    SEG_INLINE static void store(__m256i levels, float* to) {
        const __m256i order = _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7);
        _mm256_storeu_ps(to, _mm256_cvtepi32_ps(_mm256_permutevar8x32_epi32(levels, order)));
    }

    SEG_INLINE void fit(const seg::FitJob& job, size_t x, float* to) const {
        const __m256i left = four(job, x);
        const __m256i right = four(job, x + 4);
        const __m256i outer = _mm256_unpacklo_epi16(left, right);
        const __m256i inner = _mm256_unpackhi_epi16(left, right);
        const __m256i red_green = _mm256_unpacklo_epi32(outer, inner);
        const __m256i blue = _mm256_unpackhi_epi32(outer, inner);
        const __m256i zero = _mm256_setzero_si256();
        store(_mm256_unpacklo_epi16(red_green, zero), to);
        store(_mm256_unpackhi_epi16(red_green, zero), to + job.plane);
        store(_mm256_unpacklo_epi16(blue, zero), to + 2 * job.plane);
    }
};

}  // namespace

namespace seg {

void fit_rows_avx2(const FitJob& job) { fit_rows<Block8>(job); }

}  // namespace seg

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
