// SPDX-License-Identifier: Apache-2.0
// As level_avx2.cpp: only what comes before the pragma may be shared with other files.
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "kernels.h"
#include "postprocess_job.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "simd_avx2.h"

namespace {

// See postprocess_baseline.cpp for what each of these does.
SEG_INLINE void store_bytes(Float8 x, uint8_t* to) {
    const __m256i whole = _mm256_cvtps_epi32(x.v);
    const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(whole),
                                         _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(half, half));
}

SEG_INLINE bool reaches(Float8 a, Float8 b) {
    return _mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)) != 0;
}

struct Near8 {
    __m256i place;

    SEG_INLINE Near8(const int32_t* cell, int32_t first)
        : place(_mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(cell)),
                                 _mm256_set1_epi32(first))) {}
    SEG_INLINE Float8 operator()(const float* from) const {
        return {_mm256_permutevar8x32_ps(_mm256_loadu_ps(from), place)};
    }
};

}  // namespace

#include "postprocess_kernels.h"
#include "postprocess_points.h"

namespace seg {

bool finish_rows_avx2(const Job& job, Range checked, Range rows, const Scratch& scratch) {
    return finish_rows<Float8, Near8>(job, checked, rows, scratch);
}

void confidence_rows_avx2(const Job& job, const Points& points, const Scratch& scratch) {
    confidence_rows<Float8>(job, points, scratch);
}

}  // namespace seg

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
