// SPDX-License-Identifier: Apache-2.0
// From a network's scores to what is known of each pixel of the image, in one pass over its rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "team.h"

namespace seg {

// The part of a network's scores that the image fills.
struct ScoreWindow {
    const float* values;  // of its first row and column, in class 0
    size_t classes, height, width;
    size_t row, plane;  // from one row, and from one class, to the next
};

// Where one may drive: the class is one to drive on, and the rounded levels keep to both limits.
struct DrivableRule {
    const uint8_t* classes;  // 256: 255 for the ids of classes to drive on, else 0
    uint8_t least_confidence;
    uint8_t most_entropy;
};

// What is wanted of an image; null where not.
struct PixelMaps {
    size_t height, width;
    uint8_t* labels;         // height x width
    uint8_t* confidence;     // height x width, 255 x probability of the label
    uint8_t* entropy;        // height x width, 255 x entropy / log(classes)
    uint8_t* const* planes;  // for each class height x width, 255 x its probability, or null
    float* probabilities;    // classes x height x width
    uint8_t* area;           // height x width, 255 drivable, 0 not or not sure
    DrivableRule rule;       // of the area
};

// Fills the maps. Scores are multiplied by `factor` and scaled to the image, bilinear with
// half-pixel centres. Returns false, with maps of no meaning, if a score is NaN or infinite.
bool finish(const ScoreWindow& scores, float factor, const PixelMaps& maps, size_t threads,
            const char* level);

// Some pixels of an image and a label for each.
struct Points {
    size_t height, width;   // of the image
    const uint8_t* labels;  // height x width, each below the number of classes
    const uint8_t* where;   // height x width, 1 for the pixels that matter
    uint8_t* confidence;    // for each of these, in reading order: 255 x probability of the label
};

// Fills the confidence. All scores have to be finite.
void confidence_at(const ScoreWindow& scores, float factor, const Points& points,
                   const char* level);

}  // namespace seg
