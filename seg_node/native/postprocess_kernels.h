// SPDX-License-Identifier: Apache-2.0
// Inner loops of post-processing, for vectors V of neighbouring pixels. Near picks scores of
// several pixels that lie closer together than a vector is wide.
#pragma once

#include "functions.h"
#include "postprocess_job.h"

namespace {

// Scores that far below the best of their place count as if they were at this distance, so that
// sums of them stay finite.
constexpr float kFarthest = 1e37F;
// exp is exact down to here.
constexpr float kReach = -60.0F;
// How far rounding may move a scaled score, as a share of it.
constexpr float kRounding = 1e-6F;

template <class V>
SEG_INLINE V load_some(const float* from, size_t count) {
    if (count >= V::width) return V::load(from);
    float values[V::width];
    for (size_t i = 0; i < V::width; ++i) values[i] = from[i < count ? i : count - 1];
    return V::load(values);
}

// Bytes of values from 0 to 255, rounded.
template <class V>
SEG_INLINE void put(V x, uint8_t* to, size_t count) {
    if (count >= V::width) {
        store_bytes(x, to);
        return;
    }
    uint8_t values[V::width];
    store_bytes(x, values);
    for (size_t i = 0; i < count; ++i) to[i] = values[i];
}

template <class V>
SEG_INLINE void put(V x, float* to, size_t count) {
    if (count >= V::width) {
        x.store(to);
        return;
    }
    float values[V::width];
    x.store(values);
    for (size_t i = 0; i < count; ++i) to[i] = values[i];
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

// Classes that count in a block; their ids ascend.
struct List {
    size_t count;
    uint8_t id[seg::kMostLanes];
    float number[seg::kMostLanes];  // the same
    bool far;                       // whether the best may be far below 0
};

// Finds the classes that count somewhere between `cells` of a band: a scaled score lies between
// the four scores that it is made of, so a class whose largest is below another's smallest by the
// margin does not.
template <class V>
void find_contenders(const seg::Job& job, const Band& band, seg::Range cells, List& list) {
    const size_t classes = job.scores.classes;
    const V shrink = V::fill(-kRounding);
    bool counts[seg::kMostLanes] = {};
    V least = V::fill(0.0F);
    for (size_t c = cells.begin; c < cells.end; c += V::width) {
        V bar = V::fill(-2.0F * kFarthest);
        for (size_t k = 0; k < classes; ++k) {
            const float* above = band.above + k * job.stride + c;
            const float* below = band.below + k * job.stride + c;
            bar = max(bar, min(min(V::load(above), V::load(above + 1)),
                               min(V::load(below), V::load(below + 1))));
        }
        least = min(least, bar);
        bar = fma(bar, V::fill(kRounding), bar) - V::fill(job.margin);
        for (size_t k = 0; k < classes; ++k) {
            const float* above = band.above + k * job.stride + c;
            const float* below = band.below + k * job.stride + c;
            const V a = V::load(above);
            const V b = V::load(above + 1);
            const V d = V::load(below);
            const V e = V::load(below + 1);
            const V low = min(min(a, b), min(d, e));
            const V high = max(max(a, b), max(d, e));
            if (reaches(fma(low, shrink, high), bar)) counts[k] = true;
        }
    }
    list.count = 0;
    list.far = largest(V::fill(0.0F) - least) > -job.far;
    for (size_t k = 0; k < classes; ++k) {
        if (!counts[k]) continue;
        list.id[list.count] = static_cast<uint8_t>(k);
        list.number[list.count] = static_cast<float>(k);
        ++list.count;
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

// Labels of a block, and nothing else.
template <class V>
void label_block(const seg::Job& job, const Band& band, size_t begin, size_t pixels,
                 const List& list, const seg::Scratch& scratch) {
    for (size_t y = band.rows.begin; y < band.rows.end; ++y) {
        const V weight = V::fill(job.row_weight[y]);
        uint8_t* to = job.maps.labels + y * job.maps.width + begin;
        for (size_t at = 0; at < pixels; at += V::width) {
            const float* upper = scratch.upper + at;
            const float* change = scratch.change + at;
            V best = fma(V::load(change), weight, V::load(upper));
            V label = V::fill(list.number[0]);
            for (size_t i = 1; i < list.count; ++i) {
                const size_t here = i * seg::kBlock;
                const V z = fma(V::load(change + here), weight, V::load(upper + here));
                label = where_less(best, z, V::fill(list.number[i]), label);
                best = max(best, z);
            }
            put(label, to + at, pixels - at);
        }
    }
}

// What one vector of pixels has in common.
template <class V>
struct Softmax {
    V label, top, inverse, total, energy;
};

// Far: shift each pixel by its best score. Keep: leave exp of the scores in `powers`.
template <class V, bool Far, bool Keep>
SEG_INLINE Softmax<V> softmax_of(const float* upper, const float* change, V weight,
                                 const List& list, float* powers) {
    V best = V::fill(-2.0F * kFarthest);
    V label = V::fill(list.number[0]);
    V total = V::fill(0.0F);
    V energy = V::fill(0.0F);
    for (size_t i = 0; i < list.count; ++i) {
        const size_t here = i * seg::kBlock;
        const V z = fma(V::load(change + here), weight, V::load(upper + here));
        label = where_less(best, z, V::fill(list.number[i]), label);
        best = max(best, z);
        if (Far) continue;
        const V near = max(z, V::fill(kReach));
        const V power = exp(near);
        if (Keep) power.store(powers + i * V::width);
        total = total + power;
        energy = fma(power, near, energy);
    }
    for (size_t i = 0; Far && i < list.count; ++i) {
        const size_t here = i * seg::kBlock;
        const V z = fma(V::load(change + here), weight, V::load(upper + here));
        const V below = max(z - best, V::fill(kReach));
        const V power = exp(below);
        if (Keep) power.store(powers + i * V::width);
        total = total + power;
        energy = fma(power, below, energy);
    }
    const V top = Far ? V::fill(1.0F) : exp(best);
    return {label, top, V::fill(1.0F) / total, total, energy};
}

template <class V>
SEG_INLINE void put_planes(const seg::Job& job, size_t at, size_t left, V inverse,
                           const List& list, const float* powers) {
    const V levels = inverse * V::fill(255.0F);
    size_t i = 0;
    for (size_t k = 0; k < job.scores.classes; ++k) {
        const bool counts = i < list.count && list.id[i] == k;
        if (job.maps.planes[k] != nullptr) {
            const V level = counts ? V::load(powers + i * V::width) * levels : V::fill(0.0F);
            put(level, job.maps.planes[k] + at, left);
        }
        i += counts;
    }
}

// All that is wanted of a block.
template <class V, bool Far, bool Keep>
void soft_block(const seg::Job& job, const Band& band, size_t begin, size_t pixels,
                const List& list, const seg::Scratch& scratch) {
    const seg::PixelMaps& maps = job.maps;
    const size_t size = maps.height * maps.width;
    for (size_t y = band.rows.begin; y < band.rows.end; ++y) {
        const V weight = V::fill(job.row_weight[y]);
        for (size_t x = 0; x < pixels; x += V::width) {
            const Softmax<V> pixel =
                softmax_of<V, Far, Keep>(scratch.upper + x, scratch.change + x, weight, list,
                                         scratch.powers);
            const size_t at = y * maps.width + begin + x;
            const size_t left = pixels - x;
            if (maps.labels != nullptr) put(pixel.label, maps.labels + at, left);
            if (maps.confidence != nullptr) {
                put(pixel.top * pixel.inverse * V::fill(255.0F), maps.confidence + at, left);
            }
            if (maps.entropy != nullptr) {
                const V nats = log(pixel.total) - pixel.energy * pixel.inverse;
                put(nats * V::fill(job.entropy_unit), maps.entropy + at, left);
            }
            if (!Keep) continue;
            if (job.planes) {
                put_planes(job, at, left, pixel.inverse, list, scratch.powers);
            }
            for (size_t i = 0; maps.probabilities != nullptr && i < list.count; ++i) {
                const V power = V::load(scratch.powers + i * V::width);
                put(power * pixel.inverse, maps.probabilities + list.id[i] * size + at, left);
            }
        }
    }
}

SEG_INLINE void fill_bytes(uint8_t* map, const seg::Job& job, const Band& band, size_t begin,
                           size_t pixels, uint8_t value) {
    if (map == nullptr) return;
    for (size_t y = band.rows.begin; y < band.rows.end; ++y) {
        std::memset(map + y * job.maps.width + begin, value, pixels);
    }
}

// A block where one class is certain.
inline void certain_block(const seg::Job& job, const Band& band, size_t begin, size_t pixels,
                          uint8_t label) {
    const seg::PixelMaps& maps = job.maps;
    fill_bytes(maps.labels, job, band, begin, pixels, label);
    fill_bytes(maps.confidence, job, band, begin, pixels, 255);
    fill_bytes(maps.entropy, job, band, begin, pixels, 0);
    for (size_t k = 0; job.planes && k < job.scores.classes; ++k) {
        fill_bytes(maps.planes[k], job, band, begin, pixels, k == label ? 255 : 0);
    }
}

template <class V, class Near>
void finish_block(const seg::Job& job, const Band& band, size_t begin, size_t pixels,
                  const seg::Scratch& scratch) {
    const auto first = static_cast<size_t>(job.cell[begin]);
    const auto last = static_cast<size_t>(job.cell[begin + pixels - 1]);
    List list;
    find_contenders<V>(job, band, {first, last + 1}, list);
    if (list.count == 1 && job.maps.probabilities == nullptr) {
        certain_block(job, band, begin, pixels, list.id[0]);
        return;
    }
    scale_block<V, Near>(job, band, begin, pixels, list, scratch);
    const bool keep = job.planes || job.maps.probabilities != nullptr;
    auto work = label_block<V>;
    if (job.soft() && list.far) {
        work = keep ? soft_block<V, true, true> : soft_block<V, true, false>;
    } else if (job.soft()) {
        work = keep ? soft_block<V, false, true> : soft_block<V, false, false>;
    }
    work(job, band, begin, pixels, list, scratch);
}

template <class V, class Near>
bool finish_rows(const seg::Job& job, seg::Range checked, seg::Range rows,
                 const seg::Scratch& scratch) {
    if (!all_finite<V>(job.scores, checked)) return false;
    Rows<V> scores(job, scratch);
    for (size_t y = rows.begin; y < rows.end;) {
        size_t end = y + 1;
        while (end < rows.end && job.row_cell[end] == job.row_cell[y]) ++end;
        scores.go_to(y);
        const Band band{scores.above(), scores.below(), {y, end}};
        for (size_t x = 0; x < job.maps.width; x += seg::kBlock) {
            const size_t left = job.maps.width - x;
            finish_block<V, Near>(job, band, x, left < seg::kBlock ? left : seg::kBlock, scratch);
        }
        y = end;
    }
    return true;
}

}  // namespace
