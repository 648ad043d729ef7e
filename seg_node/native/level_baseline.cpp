// SPDX-License-Identifier: Apache-2.0
#include "simd_baseline.h"

#include "kernel_table.h"

namespace seg {

const Kernels& baseline_kernels(size_t classes) {
    static constexpr const char* kLevel = "baseline";
    static const Kernels tables[] = {
        table<Float4, Float4, Float4, 0>(kLevel), table<Float4, Float4, Float4, 1>(kLevel),
        table<Float4, Float4, Float4, 2>(kLevel), table<Float4, Float4, Float4, 3>(kLevel),
        table<Float4, Float4, Float4, 4>(kLevel), table<Float4, Float4, Float4, 5>(kLevel)};
    const size_t vectors = (classes + 3) / 4;
    return tables[vectors <= 5 ? vectors : 0];
}

}  // namespace seg
