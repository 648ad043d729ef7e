// SPDX-License-Identifier: Apache-2.0
// Fills a table of inner loops for rows of type V; planes and lattice points use type P.
#pragma once

#include "grid_kernels.h"
#include "locate_kernel.h"
#include "plane_kernels.h"
#include "row_kernels.h"

namespace {

template <class V, class P, class L, size_t N>
constexpr seg::Kernels table(const char* level) {
    return {level,
            V::width,
            locate<L>,
            slice<V, N>,
            splat<V, N>,
            blur<V, N>,
            transform<V, N>,
            gather<V, N>,
            spread<V, N>,
            convolve<V, N>,
            combine<V>,
            softmax<V, N>,
            winners<V, N>,
            log_planes<P>,
            log_softmax<V, N>,
            to_planes<P>};
}

}  // namespace
