// SPDX-License-Identifier: Apache-2.0
// Scores of a few rows of the image: loaded, cut down to the classes that count, and scaled to its
// columns. Near picks scores of several pixels that lie closer together than a vector is wide.
#pragma once

#include "postprocess_job.h"

namespace {

// Scores that far below the best of their place count as if they were at this distance, so that
// sums of them stay finite.
constexpr float kFarthest = 1e37F;
// How far rounding may move a scaled score, as a share of it.
constexpr float kRounding = 1e-6F;

template <class V>
SEG_INLINE V load_some(const float* from, size_t count) {
    if (count >= V::width) return V::load(from);
    float values[V::width];
    for (size_t i = 0; i < V::width; ++i) values[i] = from[i < count ? i : count - 1];
    return V::load(values);
}

template <class V>
bool all_finite(const seg::ScoreWindow& scores, seg::Range rows) {
    V doubt = V::fill(0.0F);  // 0 times NaN or infinity is NaN
    for (size_t k = 0; k < scores.classes; ++k) {
        for (size_t y = rows.begin; y < rows.end; ++y) {
            const float* from = scores.values + k * scores.plane + y * scores.row;
            for (size_t x = 0; x < scores.width; x += V::width) {
                doubt = fma(load_some<V>(from + x, scores.width - x), V::fill(0.0F), doubt);
            }
        }
    }
    return sum(doubt) == 0.0F;
}

// Loads a row of scores, shifted so that the largest of each place is 0, which changes no
// probability; the last place is repeated to the end.
template <class V>
void load_row(const seg::Job& job, size_t y, float* out) {
    const seg::ScoreWindow& scores = job.scores;
    const float* row = scores.values + y * scores.row;
    const V factor = V::fill(job.factor);
    for (size_t x = 0; x < scores.width; x += V::width) {
        const size_t count = scores.width - x;
        V best = load_some<V>(row + x, count);
        for (size_t k = 1; k < scores.classes; ++k) {
            best = max(best, load_some<V>(row + k * scores.plane + x, count));
        }
        for (size_t k = 0; k < scores.classes; ++k) {
            const V below = load_some<V>(row + k * scores.plane + x, count) - best;
            max(below * factor, V::fill(-kFarthest)).store(out + k * job.stride + x);
        }
    }
    for (size_t k = 0; k < scores.classes; ++k) {
        float* line = out + k * job.stride;
        for (size_t x = scores.width; x < job.stride; ++x) line[x] = line[scores.width - 1];
    }
}

// The two rows of scores around a row of the image, loaded when they are needed.
template <class V>
class Rows {
  public:
    Rows(const seg::Job& job, const seg::Scratch& scratch)
        : job_(job), memory_{scratch.rows[0], scratch.rows[1]} {}

    void go_to(size_t y) {
        const auto last = static_cast<int32_t>(job_.scores.height) - 1;
        const int32_t above = job_.row_cell[y];
        const int32_t wanted[2] = {above, above < last ? above + 1 : last};
        if (held_[1] == wanted[0]) {  // going down, the lower row becomes the upper one
            float* const upper = memory_[1];
            memory_[1] = memory_[0];
            memory_[0] = upper;
            held_[1] = held_[0];
            held_[0] = wanted[0];
        }
        for (size_t i = 0; i < 2; ++i) {
            if (held_[i] == wanted[i]) continue;
            load_row<V>(job_, static_cast<size_t>(wanted[i]), memory_[i]);
            held_[i] = wanted[i];
        }
    }
    const float* above() const { return memory_[0]; }
    const float* below() const { return memory_[1]; }

  private:
    const seg::Job& job_;
    float* memory_[2];
    int32_t held_[2] = {-1, -1};
};

// Two neighbouring rows of scores, and the rows of the image between them.
struct Band {
    const float* above;
    const float* below;
    seg::Range rows;
};

// Classes that count in a block: first those that can have the best score, then the others; the
// ids of either ascend.
struct List {
    size_t count, winners;
    uint8_t id[seg::kMostLanes];
    float number[seg::kMostLanes];  // the same
    float drivable[seg::kMostLanes];
    bool counts[seg::kMostLanes];   // whether a class is in the list
    bool far;                       // whether the best may be far below 0

    void append(size_t k, const seg::PixelMaps& maps) {
        id[count] = static_cast<uint8_t>(k);
        number[count] = static_cast<float>(k);
        drivable[count] = maps.area != nullptr ? maps.rule.classes[k] : 0.0F;
        ++count;
    }
};

// The smallest and the largest of the four scores around each of some pixels.
template <class V>
struct Bounds {
    V low, high;

    SEG_INLINE Bounds(const float* above, const float* below) {
        const V a = V::load(above);
        const V b = V::load(above + 1);
        const V c = V::load(below);
        const V d = V::load(below + 1);
        low = min(min(a, b), min(c, d));
        high = max(max(a, b), max(c, d));
    }
};

// Finds the classes that count somewhere between `cells` of a band. A scaled score lies between
// the four scores that it is made of, so a class whose largest is below another's smallest cannot
// be the best, and by the margin below it does not count.
template <class V>
void find_contenders(const seg::Job& job, const Band& band, seg::Range cells, List& list) {
    const size_t classes = job.scores.classes;
    bool wins[seg::kMostLanes] = {};
    std::memset(list.counts, 0, sizeof list.counts);
    V least = V::fill(0.0F);
    for (size_t c = cells.begin; c < cells.end; c += V::width) {
        V bar = V::fill(-2.0F * kFarthest);
        for (size_t k = 0; k < classes; ++k) {
            const size_t at = k * job.stride + c;
            bar = max(bar, Bounds<V>(band.above + at, band.below + at).low);
        }
        least = min(least, bar);
        bar = fma(bar, V::fill(kRounding), bar);
        const V bar_of_interest = bar - V::fill(job.margin);
        for (size_t k = 0; k < classes; ++k) {
            const size_t at = k * job.stride + c;
            const Bounds<V> bounds(band.above + at, band.below + at);
            const V top = fma(bounds.low, V::fill(-kRounding), bounds.high);
            if (!reaches(top, bar_of_interest)) continue;
            list.counts[k] = true;
            wins[k] = wins[k] || reaches(top, bar);
        }
    }
    list.far = largest(V::fill(0.0F) - least) > -job.far;
    list.count = 0;
    for (size_t k = 0; k < classes; ++k) {
        if (wins[k]) list.append(k, job.maps);
    }
    list.winners = list.count;
    for (size_t k = 0; k < classes; ++k) {
        if (list.counts[k] && !wins[k]) list.append(k, job.maps);
    }
}

// One vector of scores of each listed class, scaled to columns of the image.
template <class V, class Pick>
SEG_INLINE void scale_columns(const seg::Job& job, const Band& band, const Pick& pick,
                              size_t first, V weight, const List& list, float* upper,
                              float* change) {
    for (size_t i = 0; i < list.count; ++i) {
        const float* above = band.above + list.id[i] * job.stride + first;
        const float* below = band.below + list.id[i] * job.stride + first;
        const V left = pick(above);
        const V lower_left = pick(below);
        const V a = fma(pick(above + 1) - left, weight, left);
        const V b = fma(pick(below + 1) - lower_left, weight, lower_left);
        a.store(upper + i * seg::kBlock);
        (b - a).store(change + i * seg::kBlock);
    }
}

// Picks scores that lie anywhere.
template <class V>
struct Anywhere {
    const int32_t* cell;
    int32_t first;
    SEG_INLINE V operator()(const float* from) const {
        float values[V::width];
        for (size_t i = 0; i < V::width; ++i) values[i] = from[cell[i] - first];
        return V::load(values);
    }
};

template <class V, class Near>
void scale_block(const seg::Job& job, const Band& band, size_t begin, size_t pixels,
                 const List& list, const seg::Scratch& scratch) {
    for (size_t at = 0; at < pixels; at += V::width) {
        const int32_t* cell = job.cell + begin + at;
        const int32_t first = cell[0];
        const V weight = V::load(job.weight + begin + at);
        if (static_cast<size_t>(cell[V::width - 1] - first) < V::width) {
            scale_columns<V>(job, band, Near(cell, first), static_cast<size_t>(first), weight,
                             list, scratch.upper + at, scratch.change + at);
        } else {
            scale_columns<V>(job, band, Anywhere<V>{cell, first}, static_cast<size_t>(first),
                             weight, list, scratch.upper + at, scratch.change + at);
        }
    }
}

}  // namespace
