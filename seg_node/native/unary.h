// SPDX-License-Identifier: Apache-2.0
// The unary term of the mean-field update, -U = log(max(p, clip)), for any pixels of the image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels.h"
#include "problem.h"
#include "team.h"

namespace seg {

constexpr uint8_t kNone = 255;

class Unary {
  public:
    virtual ~Unary() = default;
    virtual size_t classes() const = 0;
    // Log-probabilities of the pixels x[] of an image row.
    virtual void rows(const Kernels& kernels, size_t y, const uint32_t* x, size_t count,
                      float* out, size_t lanes) const = 0;
    // Replaces labels of an image row by kNone where they are not nearly the most probable.
    virtual void doubt(size_t y, uint8_t* labels) const = 0;
    // Sets labels of an image row to the network's where its lead reaches the margin.
    virtual void decide(size_t y, uint8_t* labels) const = 0;
};

// Probabilities, classes x height x width. They stay the caller's.
std::unique_ptr<Unary> make_unary(const float* probabilities, size_t classes, const Image& image,
                                  float clip);

struct Scores {
    const float* values;  // classes x height x width
    size_t classes, height, width;
    float temperature;
    float margin;  // lead of a class over all others that settles a label [nats]
};

// Scores of a network, scaled up to the image on demand, bilinear with half-pixel centres.
std::unique_ptr<Unary> make_unary(const Scores& scores, const Image& image, float clip,
                                  const Kernels& kernels, Team& team);

}  // namespace seg
