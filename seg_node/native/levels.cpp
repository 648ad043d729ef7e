// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels.h"

namespace seg {

bool has_level(const char* level) {
    if (std::strcmp(level, "baseline") == 0) return true;
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (std::strcmp(level, "avx2") == 0) return avx2;
    if (std::strcmp(level, "avx512") == 0) {
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
#endif
    return false;
}

const char* best_level() {
    for (const char* level : {"avx512", "avx2"}) {
        if (has_level(level)) return level;
    }
    return "baseline";
}

void expect_level(const char* level) {
    if (!has_level(level)) {
        throw std::invalid_argument("this processor has no instruction set '" +
                                    std::string(level) + "'");
    }
}

const Kernels& kernels_for(const char* level, size_t classes) {
    expect_level(level);
#if defined(__x86_64__)
    if (std::strcmp(level, "avx512") == 0) return avx512_kernels(classes);
    if (std::strcmp(level, "avx2") == 0) return avx2_kernels(classes);
#endif
    return baseline_kernels(classes);
}

}  // namespace seg
