// SPDX-License-Identifier: Apache-2.0
// Eight floats at once: AVX2 with FMA. See simd_baseline.h for what each function does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace {

struct Float8 {
    static constexpr size_t width = 8;
    __m256 v;

    static SEG_INLINE Float8 load(const float* from) { return {_mm256_loadu_ps(from)}; }
    static SEG_INLINE Float8 fill(float x) { return {_mm256_set1_ps(x)}; }
    SEG_INLINE void store(float* to) const { _mm256_storeu_ps(to, v); }
    SEG_INLINE void store_int(int32_t* to) const {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_cvttps_epi32(v));
    }
};

SEG_INLINE Float8 operator+(Float8 a, Float8 b) { return {_mm256_add_ps(a.v, b.v)}; }
SEG_INLINE Float8 operator-(Float8 a, Float8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
SEG_INLINE Float8 operator*(Float8 a, Float8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
SEG_INLINE Float8 operator/(Float8 a, Float8 b) { return {_mm256_div_ps(a.v, b.v)}; }
SEG_INLINE Float8 fma(Float8 a, Float8 b, Float8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
SEG_INLINE Float8 max(Float8 a, Float8 b) { return {_mm256_max_ps(a.v, b.v)}; }
SEG_INLINE Float8 min(Float8 a, Float8 b) { return {_mm256_min_ps(a.v, b.v)}; }
SEG_INLINE Float8 where_less(Float8 a, Float8 b, Float8 x, Float8 y) {
    return {_mm256_blendv_ps(y.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}
SEG_INLINE Float8 round(Float8 a) {
    return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
SEG_INLINE Float8 scale(Float8 x, Float8 n) {
    const __m256i bits = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
    return {_mm256_mul_ps(x.v, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23)))};
}
SEG_INLINE void split(Float8 x, Float8& mantissa, Float8& exponent) {
    __m256i bits = _mm256_castps_si256(x.v);
    const __m256i power = _mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127));
    exponent.v = _mm256_cvtepi32_ps(power);
    bits = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffff));
    bits = _mm256_or_si256(bits, _mm256_set1_epi32(0x3f800000));
    mantissa.v = _mm256_castsi256_ps(bits);
}
SEG_INLINE float sum(Float8 a) {
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    return _mm_cvtss_f32(_mm_add_ss(t, _mm_movehdup_ps(t)));
}
SEG_INLINE float largest(Float8 a) {
    __m128 t = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    t = _mm_max_ps(t, _mm_movehl_ps(t, t));
    return _mm_cvtss_f32(_mm_max_ss(t, _mm_movehdup_ps(t)));
}
SEG_INLINE uint32_t equal(Float8 a, Float8 b) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)));
}
SEG_INLINE void transpose(Float8* r) {
    __m256 s[8];
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
        s[i + 1] = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
    }
    for (int i = 0; i < 8; i += 4) {
        t[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
        t[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
        t[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        t[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    for (int i = 0; i < 4; ++i) {
        r[i].v = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4].v = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

}  // namespace
