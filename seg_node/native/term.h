// SPDX-License-Identifier: Apache-2.0
// A pairwise term of the mean-field update: F(Q)_i = n_i sum_j k(i, j) n_j Q_j, times a
// compatibility.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "buffer.h"
#include "kernels.h"
#include "problem.h"
#include "team.h"

namespace seg {

// What all terms work with.
struct Setting {
    const Kernels& kernels;
    Image image;
    Grid grid;
    size_t classes;
    size_t lanes;
    Team& team;
};

using Rows = std::vector<Range>;

// Per update: `absorb` for all rows of probabilities, `filter`, then `add` or `add_at`.
// A row of the grid is always absorbed by the same member of the team.
class Term {
  public:
    virtual ~Term() = default;
    // The step in which rows of the grid may be shared out.
    virtual size_t row_step() const { return 1; }
    // Which member absorbs which rows is known from here on.
    virtual void prepare(const std::vector<Rows>& rows) = 0;
    // Takes the probabilities of some pixels of a row of the grid.
    virtual void absorb(size_t member, size_t y, size_t x, size_t count, const float* rows) = 0;
    // Turns what was absorbed into messages.
    virtual void filter() = 0;
    // out = in + messages of pixels of the grid.
    virtual void add(size_t member, size_t y, size_t x, size_t count, const float* in,
                     float* out) const = 0;
    // out = in + messages of the pixels x[] of an image row.
    virtual void add_at(size_t member, size_t y, const uint32_t* x, size_t count, const float* in,
                        float* out) = 0;
};

std::unique_ptr<Term> make_gaussian(const Setting& setting, const Kernel& kernel);
std::unique_ptr<Term> make_bilateral(const Setting& setting, const Kernel& kernel);

// Penalties, padded to lanes.
class Penalties {
  public:
    Penalties(const Kernel& kernel, const Setting& setting);
    Compat compat() const { return {form_, values_.data()}; }

  private:
    Compat::Form form_;
    Buffer<float> values_;
};

}  // namespace seg
