// SPDX-License-Identifier: Apache-2.0
// Everything below the pragma is compiled for AVX-512. What comes from headers of the
// standard library stays above it: the linker may share such code with other files, so it must
// run anywhere.
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "kernels.h"

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#endif

#include "simd_avx2.h"
#include "simd_avx512.h"

#include "kernel_table.h"

namespace seg {

const Kernels& avx512_kernels(size_t classes) {
    static constexpr const char* kLevel = "avx512";
    // Two vectors of sixteen for 17 to 24 classes would leave a quarter of the lanes empty.
    static constexpr Kernels narrow[] = {table<Float8, Float8, Float16, 1>(kLevel),
                                         table<Float8, Float8, Float16, 3>(kLevel)};
    static constexpr Kernels wide[] = {
        table<Float16, Float8, Float16, 0>(kLevel), table<Float16, Float8, Float16, 1>(kLevel),
        table<Float16, Float8, Float16, 2>(kLevel), table<Float16, Float8, Float16, 3>(kLevel)};
    if (classes <= 8) return narrow[0];
    if (classes > 16 && classes <= 24) return narrow[1];
    const size_t vectors = (classes + 15) / 16;
    return wide[vectors <= 3 ? vectors : 0];
}

}  // namespace seg

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
