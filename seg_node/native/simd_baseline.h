// SPDX-License-Identifier: Apache-2.0
// Four floats at once in what every compiler of the GNU family knows: SSE2 on x86-64, NEON on
// aarch64. The other simd_*.h files offer the same functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels.h"

namespace {

struct Float4 {
    typedef float Lanes __attribute__((vector_size(16)));
    typedef int32_t Bits __attribute__((vector_size(16)));
    static constexpr size_t width = 4;
    Lanes v;

    static SEG_INLINE Float4 load(const float* from) {
        Float4 r;
        std::memcpy(&r.v, from, sizeof r.v);
        return r;
    }
    static SEG_INLINE Float4 fill(float x) { return {Lanes{x, x, x, x}}; }
    SEG_INLINE void store(float* to) const { std::memcpy(to, &v, sizeof v); }
    SEG_INLINE void store_int(int32_t* to) const {
        for (size_t i = 0; i < width; ++i) to[i] = static_cast<int32_t>(v[i]);
    }
};

SEG_INLINE Float4 operator+(Float4 a, Float4 b) { return {a.v + b.v}; }
SEG_INLINE Float4 operator-(Float4 a, Float4 b) { return {a.v - b.v}; }
SEG_INLINE Float4 operator*(Float4 a, Float4 b) { return {a.v * b.v}; }
SEG_INLINE Float4 operator/(Float4 a, Float4 b) { return {a.v / b.v}; }
SEG_INLINE Float4 fma(Float4 a, Float4 b, Float4 c) { return {a.v * b.v + c.v}; }

// a < b ? x : y
SEG_INLINE Float4 where_less(Float4 a, Float4 b, Float4 x, Float4 y) {
    return {a.v < b.v ? x.v : y.v};
}
// The second operand where the first is NaN, in all levels.
SEG_INLINE Float4 max(Float4 a, Float4 b) { return {a.v > b.v ? a.v : b.v}; }
SEG_INLINE Float4 min(Float4 a, Float4 b) { return {a.v < b.v ? a.v : b.v}; }

// To the nearest integer, for |a| < 2^22.
SEG_INLINE Float4 round(Float4 a) {
    const Float4 magic = Float4::fill(12582912.0f);  // 1.5 * 2^23: no fraction bits are left
    return (a + magic) - magic;
}
// x * 2^n for integers n in [-126, 127].
SEG_INLINE Float4 scale(Float4 x, Float4 n) {
    Float4::Bits bits = __builtin_convertvector(n.v, Float4::Bits);
    bits = (bits + 127) << 23;
    Float4 power;
    std::memcpy(&power.v, &bits, sizeof bits);
    return x * power;
}
// x = mantissa * 2^exponent with a mantissa in [1, 2), for normal positive x.
SEG_INLINE void split(Float4 x, Float4& mantissa, Float4& exponent) {
    Float4::Bits bits;
    std::memcpy(&bits, &x.v, sizeof bits);
    exponent.v = __builtin_convertvector((bits >> 23) - 127, Float4::Lanes);
    bits = (bits & 0x7fffff) | 0x3f800000;
    std::memcpy(&mantissa.v, &bits, sizeof bits);
}
SEG_INLINE float sum(Float4 a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
SEG_INLINE float largest(Float4 a) {
    const float x = a.v[0] < a.v[2] ? a.v[2] : a.v[0];
    const float y = a.v[1] < a.v[3] ? a.v[3] : a.v[1];
    return x < y ? y : x;
}
// A bit for each lane that equals b, the first lane lowest.
SEG_INLINE uint32_t equal(Float4 a, Float4 b) {
    const Float4::Bits m = a.v == b.v;
    return static_cast<uint32_t>((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
}
SEG_INLINE void transpose(Float4* r) {
    for (size_t i = 0; i < 4; ++i) {
        for (size_t j = i + 1; j < 4; ++j) {
            const float t = r[i].v[j];
            r[i].v[j] = r[j].v[i];
            r[j].v[i] = t;
        }
    }
}

}  // namespace
