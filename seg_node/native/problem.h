// SPDX-License-Identifier: Apache-2.0
// What is to be solved, as the caller's memory holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"

namespace seg {

struct Image {
    const uint8_t* pixels;  // height x width x 3, RGB
    size_t height, width;
};

// One pairwise term. Positive penalties make neighbours agree.
struct Kernel {
    double sxy;
    double srgb;  // 0 for a Gaussian kernel
    Compat::Form form;
    std::vector<float> penalties;  // 1, classes, or classes x classes
};

struct Settings {
    std::vector<Kernel> kernels;
    size_t iterations;
    float clip;
    size_t threads;
    size_t stride;  // every so many pixels, in x and y, is a source of messages
    const char* level;
};

// What is wanted; null where not.
struct Outputs {
    uint8_t* labels;   // height x width
    float* marginals;  // classes x height x width
};

// The pixels that are sources: first, first + step, ... in rows and columns of the image.
struct Grid {
    size_t height, width;
    size_t step, first;

    Grid(const Image& image, size_t stride)
        : height((image.height - stride / 2 + stride - 1) / stride),
          width((image.width - stride / 2 + stride - 1) / stride),
          step(stride),
          first(stride / 2) {}
    size_t at(size_t i) const { return first + i * step; }
};

}  // namespace seg
