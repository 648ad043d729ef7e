// SPDX-License-Identifier: Apache-2.0
// As level_avx512.cpp: only what comes before the pragma may be shared with other files.
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "kernels.h"
#include "postprocess_job.h"

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#else
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 warns of its own header
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#endif

#include "simd_avx2.h"
#include "simd_avx512.h"

namespace {

// See postprocess_baseline.cpp for what each of these does.
SEG_INLINE void store_bytes(Float16 x, uint8_t* to) {
    const __m512i whole = _mm512_max_epi32(_mm512_cvtps_epi32(x.v), _mm512_setzero_si512());
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtusepi32_epi8(whole));
}

SEG_INLINE bool reaches(Float16 a, Float16 b) {
    return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ) != 0;
}

struct Near16 {
    __m512i place;

    SEG_INLINE Near16(const int32_t* cell, int32_t first)
        : place(_mm512_sub_epi32(_mm512_loadu_si512(cell), _mm512_set1_epi32(first))) {}
    SEG_INLINE Float16 operator()(const float* from) const {
        return {_mm512_permutexvar_ps(place, _mm512_loadu_ps(from))};
    }
};

}  // namespace

#include "postprocess_kernels.h"
#include "postprocess_points.h"

namespace seg {

bool finish_rows_avx512(const Job& job, Range checked, Range rows, const Scratch& scratch) {
    return finish_rows<Float16, Near16>(job, checked, rows, scratch);
}

void confidence_rows_avx512(const Job& job, const Points& points, const Scratch& scratch) {
    confidence_rows<Float16>(job, points, scratch);
}

}  // namespace seg

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
