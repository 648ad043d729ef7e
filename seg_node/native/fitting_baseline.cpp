// SPDX-License-Identifier: Apache-2.0
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "simd_baseline.h"

#include "fitting_kernels.h"

namespace {

using Int4 = Float4::Bits;

// 128ths of a level between a pixel and its right neighbour; the last lane means nothing.
SEG_INLINE Int4 across(const uint8_t* pixel, const int16_t* weights) {
#if defined(__SSE2__)
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(pixel));
    const __m128i pairs = _mm_unpacklo_epi8(bytes, _mm_srli_epi64(bytes, 24));
    const __m128i words = _mm_unpacklo_epi8(pairs, _mm_setzero_si128());
    const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights));
    return reinterpret_cast<Int4>(_mm_srli_epi32(_mm_madd_epi16(words, both), 4));
#else
    const Int4 left = {pixel[0], pixel[1], pixel[2], 0};
    const Int4 right = {pixel[3], pixel[4], pixel[5], 0};
    return (left * weights[0] + right * weights[1]) >> 4;
#endif
}

// a * b / 2^16, rounded down, for numbers from 0 to 2^15 - 1.
SEG_INLINE Int4 share(Int4 a, Int4 b) {
#if defined(__SSE2__)
    const __m128i product =
        _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b));
    return reinterpret_cast<Int4>(_mm_srli_epi32(product, 16));
#else
    return (a * b) >> 16;
#endif
}

// Channels of four pixels from pixels of four channels.
SEG_INLINE void to_channels(Float4* pixels) {
#if defined(__SSE2__)
    _MM_TRANSPOSE4_PS(pixels[0].v, pixels[1].v, pixels[2].v, pixels[3].v);
#else
    transpose(pixels);
#endif
}

// Neighbouring pixels of the result between two rows of the image.
struct Block4 {
    static constexpr size_t pixels = 4;
    RowPair rows;
    Int4 upper_weight, lower_weight;

    SEG_INLINE explicit Block4(const RowPair& pair)
        : rows(pair), upper_weight(Int4{} + pair.upper_weight),
          lower_weight(Int4{} + pair.lower_weight) {}

    SEG_INLINE Float4 pixel(const seg::FitJob& job, size_t x) const {
        const int32_t at = job.columns.first[x];
        const int16_t* weights = job.columns.weights + x * 2 * seg::kWeightCopies;
        const Int4 quarters = share(across(rows.upper + at, weights), upper_weight) +
                              share(across(rows.lower + at, weights), lower_weight);
        return {__builtin_convertvector((quarters + 2) >> 2, Float4::Lanes)};
    }

    // Pixels from column x on, whose first value goes to `to`. Reads kPixelBytes around each.
    SEG_INLINE void fit(const seg::FitJob& job, size_t x, float* to) const {
        Float4 values[pixels];
        for (size_t i = 0; i < pixels; ++i) values[i] = pixel(job, x + i);
        to_channels(values);
        for (size_t c = 0; c < seg::kChannels; ++c) values[c].store(to + c * job.plane);
    }
};

}  // namespace

namespace seg {

void fit_rows_baseline(const FitJob& job) { fit_rows<Block4>(job); }

}  // namespace seg
