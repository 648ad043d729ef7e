// SPDX-License-Identifier: Apache-2.0
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "simd_baseline.h"

namespace {

// Rounds to the nearest byte, the even one of two; what is out of range becomes 0 or 255.
SEG_INLINE void store_bytes(Float4 x, uint8_t* to) {
#if defined(__SSE2__)
    const __m128i whole = _mm_cvtps_epi32(x.v);
    const __m128i halves = _mm_packs_epi32(whole, whole);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));
    std::memcpy(to, &bytes, sizeof bytes);
#else
    int32_t values[Float4::width];
    round(max(min(x, Float4::fill(255.0F)), Float4::fill(0.0F))).store_int(values);
    for (size_t i = 0; i < Float4::width; ++i) to[i] = static_cast<uint8_t>(values[i]);
#endif
}

// Whether a lane of a is at least that of b.
SEG_INLINE bool reaches(Float4 a, Float4 b) {
    const Float4::Bits m = a.v >= b.v;
    return (m[0] | m[1] | m[2] | m[3]) != 0;
}

// Picks the scores of four pixels, of which the first lies at `first`.
struct Near4 {
    int32_t place[Float4::width];

    SEG_INLINE Near4(const int32_t* cell, int32_t first) {
        for (size_t i = 0; i < Float4::width; ++i) place[i] = cell[i] - first;
    }
    SEG_INLINE Float4 operator()(const float* from) const {
        return {Float4::Lanes{from[0], from[place[1]], from[place[2]], from[place[3]]}};
    }
};

}  // namespace

#include "postprocess_kernels.h"
#include "postprocess_points.h"

namespace seg {

bool finish_rows_baseline(const Job& job, Range checked, Range rows, const Scratch& scratch) {
    return finish_rows<Float4, Near4>(job, checked, rows, scratch);
}

void confidence_rows_baseline(const Job& job, const Points& points, const Scratch& scratch) {
    confidence_rows<Float4>(job, points, scratch);
}

}  // namespace seg
