// SPDX-License-Identifier: Apache-2.0
// The inner loops, as tables of functions: one table for each instruction set and number of lanes.
//
// Pixels, lattice vertices and cells of a coarse grid are rows of `lanes` floats: the classes of
// one place side by side, padded with lanes that stay zero (probabilities) or kPad (energies).
#pragma once

#include <cstddef>
#include <cstdint>

#define SEG_INLINE inline __attribute__((always_inline))

namespace seg {

constexpr size_t kStrip = 64;        // pixels of one image row that are worked on at a time
constexpr size_t kFeatures = 5;      // x, y, red, green, blue
constexpr size_t kCorners = 6;       // of a simplex in five dimensions
constexpr size_t kMostLanes = 256;  // labels are bytes, 255 means none
constexpr float kPad = -1e4F;        // energy of a lane without a class: its probability is 0

// Where a pixel lies in the lattice.
struct Site {
    float weight[kCorners];  // barycentric, they sum to 1
    float norm;              // n of the kernel's normalisation
    uint32_t simplex;        // index into a thread's simplices
};

// The vertices around a pixel; 0 is the vertex that is not there, whose row is zero.
struct Simplex {
    uint32_t vertex[kCorners];
};

struct Pair {
    uint32_t before, after;
};

// Scale of each feature in the coordinates of the lattice.
struct Embedding {
    float scale[kFeatures];
};

// Simplices of the pixels of a strip.
struct Located {
    int32_t base[kFeatures][kStrip];  // sixths of the coordinates of the vertex of remainder 0
    int32_t order[kStrip];            // rank of coordinate i in bits 3 i, 3 i + 1, 3 i + 2
    float weight[kCorners][kStrip];
};

// Penalties for different labels: nothing but a factor, one for each class, or for each pair.
struct Compat {
    enum Form { kScalar, kVector, kMatrix } form;
    const float* values;  // 1, lanes, or classes rows of lanes
};

// Rows of cells above and below a row of pixels, and the lower one's weight.
struct CellRows {
    const float* above;
    const float* below;
    float weight;
};

// Columns of cells for each pixel: cell and cell + 1 (`last` is the largest cell).
struct CellColumns {
    const uint32_t* cell;
    const float* weight;  // of cell + 1
    const float* norm;
    uint32_t last;
};

struct Kernels {
    const char* level;
    size_t width;  // lanes are a multiple of it

    // Features (in their own units), one array for each, to simplices.
    void (*locate)(const Embedding& embedding, const float (*features)[kStrip], size_t count,
                   Located& located);

    // out = in + norm * (values around the pixel)
    void (*slice)(const float* in, const Site* sites, const Simplex* simplices, size_t count,
                  const float* values, float* out, size_t lanes);
    // values around the pixel += norm * row
    void (*splat)(const float* rows, const Site* sites, const Simplex* simplices, size_t count,
                  float* values, size_t lanes);
    // out = in + (before + after) / 2 for vertices begin to end; neighbours start at begin
    void (*blur)(const float* in, const Pair* neighbours, size_t begin, size_t end, float* out,
                 size_t lanes);
    // rows = compat * rows
    void (*transform)(float* rows, size_t count, const Compat& compat, size_t classes,
                      size_t lanes);

    // cells[cell of pixel] += factor * norm * row
    void (*gather)(const float* rows, size_t count, const uint32_t* cell, const float* norm,
                   float factor, float* cells, size_t lanes);
    // out = in + factor * norm * (bilinear value of the cells)
    void (*spread)(const float* in, size_t count, const CellRows& rows, const CellColumns& columns,
                   float factor, float* out, size_t lanes);
    // Convolution of `count` rows with a symmetric filter of radius + 1 taps; zero outside.
    void (*convolve)(const float* in, size_t count, const float* taps, size_t radius, float* out,
                     size_t lanes);
    // out = sum of weights[i] * in[i], each `size` floats
    void (*combine)(const float* const* in, const float* weights, size_t terms, size_t size,
                    float* out);

    // exp(in - max) / sum of each row; in and out may be the same
    void (*softmax)(const float* in, size_t count, float* out, size_t lanes);
    // The first class with the largest value, and that value
    void (*winners)(const float* rows, size_t count, uint8_t* labels, float* best, size_t lanes);

    // log(max(p, clip)) of pixels x[] of an image row that starts at `planes`
    void (*log_planes)(const float* planes, size_t plane, size_t classes, const uint32_t* x,
                       size_t count, float clip, float* rows, size_t lanes);
    // Log-probabilities from scores, not below log(clip); in and out may be the same
    void (*log_softmax)(const float* in, size_t count, size_t classes, float least, float* out,
                        size_t lanes);
    // Rows to `count` neighbouring pixels of planes
    void (*to_planes)(const float* rows, size_t count, size_t classes, float* planes, size_t plane,
                      size_t lanes);
};

// Levels are "baseline", "avx2" and "avx512"; which of them this processor has.
bool has_level(const char* level);
// Throws std::invalid_argument if the processor has not.
void expect_level(const char* level);
// The best level of this processor.
const char* best_level();
// A table for so many classes. Throws std::invalid_argument for a level that is not there.
const Kernels& kernels_for(const char* level, size_t classes);

// One function per level, each in a file of its own.
const Kernels& baseline_kernels(size_t classes);
#if defined(__x86_64__)
const Kernels& avx2_kernels(size_t classes);
const Kernels& avx512_kernels(size_t classes);
#endif

}  // namespace seg
