// SPDX-License-Identifier: Apache-2.0
// Sixteen floats at once: AVX-512 F. See simd_baseline.h for what each function does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace {

struct Float16 {
    static constexpr size_t width = 16;
    __m512 v;

    static SEG_INLINE Float16 load(const float* from) { return {_mm512_loadu_ps(from)}; }
    static SEG_INLINE Float16 fill(float x) { return {_mm512_set1_ps(x)}; }
    SEG_INLINE void store(float* to) const { _mm512_storeu_ps(to, v); }
    SEG_INLINE void store_int(int32_t* to) const {
        _mm512_storeu_si512(to, _mm512_cvttps_epi32(v));
    }
};

SEG_INLINE Float16 operator+(Float16 a, Float16 b) { return {_mm512_add_ps(a.v, b.v)}; }
SEG_INLINE Float16 operator-(Float16 a, Float16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
SEG_INLINE Float16 operator*(Float16 a, Float16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
SEG_INLINE Float16 operator/(Float16 a, Float16 b) { return {_mm512_div_ps(a.v, b.v)}; }
SEG_INLINE Float16 fma(Float16 a, Float16 b, Float16 c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
SEG_INLINE Float16 max(Float16 a, Float16 b) { return {_mm512_max_ps(a.v, b.v)}; }
SEG_INLINE Float16 min(Float16 a, Float16 b) { return {_mm512_min_ps(a.v, b.v)}; }
SEG_INLINE Float16 where_less(Float16 a, Float16 b, Float16 x, Float16 y) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}
SEG_INLINE Float16 round(Float16 a) {
    return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
SEG_INLINE Float16 scale(Float16 x, Float16 n) { return {_mm512_scalef_ps(x.v, n.v)}; }
SEG_INLINE void split(Float16 x, Float16& mantissa, Float16& exponent) {
    exponent.v = _mm512_getexp_ps(x.v);
    mantissa.v = _mm512_getmant_ps(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}
SEG_INLINE float sum(Float16 a) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
    return sum(Float8{_mm256_add_ps(_mm512_castps512_ps256(a.v), high)});
}
SEG_INLINE float largest(Float16 a) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
    return largest(Float8{_mm256_max_ps(_mm512_castps512_ps256(a.v), high)});
}
SEG_INLINE uint32_t equal(Float16 a, Float16 b) {
    return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ);
}

}  // namespace
