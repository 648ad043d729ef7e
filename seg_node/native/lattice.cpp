// SPDX-License-Identifier: Apache-2.0
#include "lattice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace seg {

namespace {

// Of the number of slots, at least twice the number of entries.
unsigned bits_for(size_t expected) {
    unsigned bits = 12;
    while ((size_t{1} << bits) < 2 * expected) ++bits;
    return bits;
}

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15U;

uint32_t checked_number(size_t size) {
    if (size >= std::numeric_limits<uint32_t>::max()) {
        throw std::length_error("the lattice has more than 4e9 vertices");
    }
    return static_cast<uint32_t>(size);
}

// Extremes of the elevated coordinates, as locate_kernel.h computes them.
std::array<Interval, kCorners> elevated(const std::array<Interval, kFeatures>& features,
                                        const Embedding& embedding) {
    std::array<Interval, kCorners> result{};
    Interval total{0, 0};
    for (size_t j = kFeatures; j > 0; --j) {
        const double scale = embedding.scale[j - 1];
        const Interval one{features[j - 1].low * scale, features[j - 1].high * scale};
        const auto times = static_cast<double>(j);
        result[j] = {total.low - times * one.high, total.high - times * one.low};
        total = {total.low + one.low, total.high + one.high};
    }
    result[0] = total;
    return result;
}

}  // namespace

KeyCode::KeyCode(const std::array<Interval, kFeatures>& features,
                 const std::array<double, kFeatures>& widths) {
    for (size_t i = 0; i < kFeatures; ++i) {
        const auto n = static_cast<double>(i);
        const double scale = 6 * std::sqrt(2.0 / 3.0) / (std::sqrt((n + 1) * (n + 2)) * widths[i]);
        embedding_.scale[i] = static_cast<float>(scale);
    }
    constexpr double kMargin = 4;  // rounding, and neighbours in the blur
    constexpr double kLargest = 1U << 21;  // beyond it a float has no fraction left
    unsigned bits = 3;                     // of the remainder
    const std::array<Interval, kCorners> coordinates = elevated(features, embedding_);
    for (size_t i = 0; i < kFeatures; ++i) {
        const double low = std::floor(coordinates[i].low / 6) - kMargin;
        const double high = std::ceil(coordinates[i].high / 6) + kMargin;
        if (!(-kLargest < low && high < kLargest)) throw std::domain_error("kernel too narrow");
        low_[i] = static_cast<int32_t>(low);
        shift_[i] = bits;
        unit_[i] = bits < 64 ? uint64_t{1} << bits : 0;
        all_ += unit_[i];
        bits += static_cast<unsigned>(std::floor(std::log2(high - low))) + 1;
    }
    if (bits > 64) throw std::domain_error("kernel too narrow");
}

VertexTable::VertexTable(size_t expected)
    : slots_(size_t{1} << bits_for(expected)), shift_(64 - bits_for(expected)) {}

size_t VertexTable::probe(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = static_cast<size_t>((key * kGolden) >> shift_);
    while (slots_[at].vertex != 0 && slots_[at].key != key) at = (at + 1) & mask;
    return at;
}

uint32_t VertexTable::find(uint64_t key) const { return slots_[probe(key)].vertex; }

uint32_t VertexTable::add(uint64_t key) {
    Slot& slot = slots_[probe(key)];
    if (slot.vertex != 0) return slot.vertex;
    keys_.push_back(key);
    const uint32_t vertex = checked_number(keys_.size());
    slot = {key, vertex};
    if (2 * keys_.size() > slots_.size()) grow();
    return vertex;
}

void VertexTable::grow() {
    --shift_;
    std::vector<Slot>(2 * slots_.size()).swap(slots_);
    for (size_t i = 0; i < keys_.size(); ++i) {
        slots_[probe(keys_[i])] = {keys_[i], static_cast<uint32_t>(i + 1)};
    }
}

SimplexTable::SimplexTable(size_t expected)
    : slots_(size_t{1} << bits_for(expected)), shift_(64 - bits_for(expected)) {}

size_t SimplexTable::probe(uint64_t base, uint32_t order) const {
    const size_t mask = slots_.size() - 1;
    const uint64_t mixed = (base ^ (uint64_t{order} << 48) ^ order) * kGolden;
    size_t at = static_cast<size_t>(mixed >> shift_);
    while (slots_[at].number != 0 && (slots_[at].base != base || slots_[at].order != order)) {
        at = (at + 1) & mask;
    }
    return at;
}

uint32_t SimplexTable::insert(Slot& slot, uint64_t base, uint32_t order, const Simplex& simplex) {
    simplices_.push_back(simplex);
    const uint32_t number = checked_number(simplices_.size());
    slot = {base, order, number};
    if (2 * simplices_.size() > slots_.size()) grow();
    return number - 1;
}

void SimplexTable::grow() {
    --shift_;
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
        if (slot.number != 0) slots_[probe(slot.base, slot.order)] = slot;
    }
}

}  // namespace seg
