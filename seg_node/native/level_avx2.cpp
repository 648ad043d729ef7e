// SPDX-License-Identifier: Apache-2.0
// Everything below the pragma is compiled for AVX2 and FMA. What comes from headers of the
// standard library stays above it: the linker may share such code with other files, so it must
// run anywhere.
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "kernels.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "simd_avx2.h"

#include "kernel_table.h"

namespace seg {

const Kernels& avx2_kernels(size_t classes) {
    static constexpr const char* kLevel = "avx2";
    static constexpr Kernels tables[] = {
        table<Float8, Float8, Float8, 0>(kLevel), table<Float8, Float8, Float8, 1>(kLevel),
        table<Float8, Float8, Float8, 2>(kLevel), table<Float8, Float8, Float8, 3>(kLevel),
        table<Float8, Float8, Float8, 4>(kLevel)};
    const size_t vectors = (classes + 7) / 8;
    return tables[vectors <= 4 ? vectors : 0];
}

}  // namespace seg

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
