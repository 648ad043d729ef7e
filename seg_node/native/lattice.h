// SPDX-License-Identifier: Apache-2.0
// Vertices of the permutohedral lattice in five dimensions, in hash tables with open addressing.
//
// A. Adams, J. Baek, M. A. Davis, "Fast high-dimensional filtering using the permutohedral
// lattice", Eurographics 2010.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"

namespace seg {

struct Interval {
    double low, high;
};

// Packs the coordinates of a vertex into 64 bits.
//
// All six coordinates of a vertex have the same remainder r modulo 6, and their sum is 0, so r and
// five quotients say it all. Each quotient gets as many bits as the features need.
class KeyCode {
  public:
    // For features (x, y, red, green, blue) within intervals, and the kernel's width in each.
    // Throws std::domain_error if the kernel is so narrow that a key takes more than 64 bits.
    KeyCode(const std::array<Interval, kFeatures>& features,
            const std::array<double, kFeatures>& widths);

    // The vertex of remainder 0 with these quotients.
    uint64_t pack(const int32_t* quotients) const {
        uint64_t key = 0;
        for (size_t i = 0; i < kFeatures; ++i) {
            key |= static_cast<uint64_t>(quotients[i] - low_[i]) << shift_[i];
        }
        return key;
    }
    // Vertex r of the simplex around a base vertex with coordinates ranked by `order`.
    uint64_t corner(uint64_t base, uint32_t order, uint32_t r) const {
        uint64_t key = base + r;
        for (size_t i = 0; i < kFeatures; ++i) {
            if ((order >> (3 * i) & 7U) > 5 - r) key -= unit_[i];
        }
        return key;
    }
    // The next vertex along an axis, 0 to 5.
    uint64_t after(uint64_t key, size_t axis) const {
        return ((key & 7U) == 5 ? key - 5 + all_ : key + 1) - unit_[axis];
    }

    const Embedding& embedding() const { return embedding_; }

  private:
    Embedding embedding_{};
    std::array<int32_t, kFeatures> low_{};
    std::array<unsigned, kFeatures> shift_{};
    std::array<uint64_t, kCorners> unit_{};  // 1 for each quotient; 0 for the last coordinate
    uint64_t all_ = 0;                       // 1 for all quotients
};

// Numbers keys in the order in which they come, from 1.
class VertexTable {
  public:
    explicit VertexTable(size_t expected = 0);
    uint32_t add(uint64_t key);
    uint32_t find(uint64_t key) const;  // 0 if it is not there
    size_t size() const { return keys_.size(); }
    const std::vector<uint64_t>& keys() const { return keys_; }  // of vertex 1, 2, ...

  private:
    struct Slot {
        uint64_t key;
        uint32_t vertex;  // 0 in an empty slot
    };
    size_t probe(uint64_t key) const;
    void grow();

    std::vector<Slot> slots_;
    std::vector<uint64_t> keys_;
    unsigned shift_;
};

// Numbers simplices in the order in which they come, from 0, and knows their vertices.
class SimplexTable {
  public:
    explicit SimplexTable(size_t expected = 0);

    // vertex(key) gives the number of a vertex; it is asked for new simplices alone.
    template <class Vertex>
    uint32_t number(const KeyCode& code, uint64_t base, uint32_t order, Vertex vertex) {
        if (base == last_base_ && order == last_order_) return last_;
        last_base_ = base;
        last_order_ = order;
        Slot& slot = slots_[probe(base, order)];
        if (slot.number != 0) return last_ = slot.number - 1;
        Simplex simplex;
        for (uint32_t r = 0; r < kCorners; ++r) {
            simplex.vertex[r] = vertex(code.corner(base, order, r));
        }
        last_ = insert(slot, base, order, simplex);
        return last_;
    }
    std::vector<Simplex>& simplices() { return simplices_; }
    const std::vector<Simplex>& simplices() const { return simplices_; }

  private:
    struct Slot {
        uint64_t base;
        uint32_t order;
        uint32_t number;  // plus 1; 0 in an empty slot
    };
    size_t probe(uint64_t base, uint32_t order) const;
    uint32_t insert(Slot& slot, uint64_t base, uint32_t order, const Simplex& simplex);
    void grow();

    std::vector<Slot> slots_;
    std::vector<Simplex> simplices_;
    unsigned shift_;
    uint64_t last_base_ = 0;
    uint32_t last_order_ = ~uint32_t{0};  // no simplex has this order
    uint32_t last_ = 0;
};

}  // namespace seg
