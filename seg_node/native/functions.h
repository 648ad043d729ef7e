// SPDX-License-Identifier: Apache-2.0
// exp and log for vectors of floats, by argument reduction and minimax polynomials (fitted with
// Lawson's iteration). test/native/test_extension.py measures their errors.
#pragma once

#include <cstddef>

namespace {

// For x <= 0; relative error below 3e-7 down to -5, 3e-6 down to -60. Smaller x count as -60, so
// that no subnormal number, which would slow down everything after it, comes out.
template <class V>
SEG_INLINE V exp(V x) {
    const V z = max(x, V::fill(-60.0F));
    const V n = round(z * V::fill(1.44269504F));
    const V f = fma(n, V::fill(-0.69314718F), z);
    V p = V::fill(0.00831252709031105F);
    p = fma(p, f, V::fill(0.041890114545822144F));
    p = fma(p, f, V::fill(0.16667114198207855F));
    p = fma(p, f, V::fill(0.499992311000824F));
    p = fma(p, f, V::fill(1.0F));
    p = fma(p, f, V::fill(1.0F));
    return scale(p, n);
}

// Absolute error below 1.3e-7 * max(1, |log x|) for normal positive x.
template <class V>
SEG_INLINE V log(V x) {
    V m;
    V e;
    split(x, m, e);
    const V root = V::fill(1.41421356F);
    e = where_less(root, m, e + V::fill(1.0F), e);
    const V t = where_less(root, m, m * V::fill(0.5F), m) - V::fill(1.0F);
    V p = V::fill(-0.10224132239818573F);
    p = fma(p, t, V::fill(0.1614115834236145F));
    p = fma(p, t, V::fill(-0.17166918516159058F));
    p = fma(p, t, V::fill(0.19910240173339844F));
    p = fma(p, t, V::fill(-0.2498057335615158F));
    p = fma(p, t, V::fill(0.3333469033241272F));
    p = fma(p, t, V::fill(-0.5F));
    p = fma(p * t, t, t);
    return fma(e, V::fill(0.69314718F), p);
}

}  // namespace
