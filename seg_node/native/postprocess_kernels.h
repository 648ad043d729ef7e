// SPDX-License-Identifier: Apache-2.0
// Inner loops of post-processing, for vectors V of neighbouring pixels.
#pragma once

#include "functions.h"
#include "postprocess_scores.h"

namespace {

// Scores are exponents of 2. Below this they are not told apart, so that no subnormal number comes
// out, which would slow down everything after it.
constexpr float kReach = -86.0F;
constexpr float kNatsPerBit = 0.69314718F;

// 2^x for x >= kReach; relative error below 3e-7 down to -7, 4e-6 down to kReach.
template <class V>
SEG_INLINE V power_of_2(V x) {
    const V n = round(x);
    const V f = x - n;
    V p = V::fill(0.001326472731307149F);
    p = fma(p, f, V::fill(0.009671512991189957F));
    p = fma(p, f, V::fill(0.05550733581185341F));
    p = fma(p, f, V::fill(0.24022242426872253F));
    p = fma(p, f, V::fill(0.6931470036506653F));
    p = fma(p, f, V::fill(1.0F));
    return scale(p, n);
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

// The score of class i of the list.
template <class V>
SEG_INLINE V score_of(const float* upper, const float* change, V weight, size_t i) {
    const size_t at = i * seg::kBlock;
    return fma(V::load(change + at), weight, V::load(upper + at));
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
            V best = score_of(upper, change, weight, 0);
            V label = V::fill(list.number[0]);
            for (size_t i = 1; i < list.winners; ++i) {
                const V z = score_of(upper, change, weight, i);
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
    V label, drivable, top, inverse, total, energy;
};

template <class V, bool Keep>
SEG_INLINE void add(V z, float* powers, size_t i, V& total, V& energy) {
    const V near = max(z, V::fill(kReach));
    const V power = power_of_2(near);
    if (Keep) power.store(powers + i * V::width);
    total = total + power;
    energy = fma(power, near, energy);
}

// Far: shift each pixel by its best score. Keep: leave 2^score in `powers`.
template <class V, bool Far, bool Keep>
SEG_INLINE Softmax<V> softmax_of(const float* upper, const float* change, V weight,
                                 const List& list, float* powers) {
    V best = score_of(upper, change, weight, 0);
    V label = V::fill(list.number[0]);
    V drivable = V::fill(list.drivable[0]);
    V total = V::fill(0.0F);
    V energy = V::fill(0.0F);
    if (!Far) add<V, Keep>(best, powers, 0, total, energy);
    for (size_t i = 1; i < list.winners; ++i) {
        const V z = score_of(upper, change, weight, i);
        label = where_less(best, z, V::fill(list.number[i]), label);
        drivable = where_less(best, z, V::fill(list.drivable[i]), drivable);
        best = max(best, z);
        if (!Far) add<V, Keep>(z, powers, i, total, energy);
    }
    for (size_t i = Far ? 0 : list.winners; i < list.count; ++i) {
        const V z = score_of(upper, change, weight, i);
        add<V, Keep>(Far ? z - best : z, powers, i, total, energy);
    }
    const V top = Far ? V::fill(1.0F) : power_of_2(max(best, V::fill(kReach)));
    return {label, drivable, top, V::fill(1.0F) / total, total, energy};
}

template <class V>
SEG_INLINE void put_planes(const seg::Job& job, size_t at, size_t left, V inverse,
                           const List& list, const float* powers) {
    uint8_t* const* planes = job.maps.planes;
    const V levels = inverse * V::fill(255.0F);
    for (size_t i = 0; i < list.count; ++i) {
        uint8_t* plane = planes[list.id[i]];
        if (plane != nullptr) put(V::load(powers + i * V::width) * levels, plane + at, left);
    }
    for (size_t k = 0; k < job.scores.classes; ++k) {
        if (!list.counts[k] && planes[k] != nullptr) put(V::fill(0.0F), planes[k] + at, left);
    }
}

// 255 where one may drive, else 0; compared are the levels that bytes would hold.
template <class V>
SEG_INLINE V area_of(const seg::DrivableRule& rule, V drivable, V confidence, V entropy) {
    const V least = V::fill(rule.least_confidence);
    const V most = V::fill(rule.most_entropy);
    const V sure = where_less(round(confidence), least, V::fill(0.0F), drivable);
    return where_less(most, round(entropy), V::fill(0.0F), sure);
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
            const V confidence = pixel.top * pixel.inverse * V::fill(255.0F);
            if (maps.confidence != nullptr) put(confidence, maps.confidence + at, left);
            if (maps.entropy != nullptr || maps.area != nullptr) {
                const V mean = pixel.energy * pixel.inverse * V::fill(kNatsPerBit);
                const V entropy = (log(pixel.total) - mean) * V::fill(job.entropy_unit);
                if (maps.entropy != nullptr) put(entropy, maps.entropy + at, left);
                if (maps.area != nullptr) {
                    put(area_of(maps.rule, pixel.drivable, confidence, entropy), maps.area + at,
                        left);
                }
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
    const uint8_t area = maps.area != nullptr ? maps.rule.classes[label] : 0;
    fill_bytes(maps.area, job, band, begin, pixels, area);
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
