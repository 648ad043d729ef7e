// SPDX-License-Identifier: Apache-2.0
// Mean-field inference in a fully connected CRF.
//
// P. Kraehenbuehl, V. Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
// potentials", NIPS 2011: their algorithm 1.
#pragma once

#include "problem.h"
#include "team.h"
#include "unary.h"

namespace seg {

// Returns for how many pixels the last update was computed; the others' labels were settled.
// Throws std::domain_error for kernels that are too narrow, std::bad_alloc, std::length_error.
size_t infer(const Image& image, const Unary& unary, const Settings& settings, Team& team,
             const Outputs& outputs);

}  // namespace seg
