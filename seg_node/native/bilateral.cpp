// SPDX-License-Identifier: Apache-2.0
// The bilateral term on a permutohedral lattice, which is built once and filters all classes of
// all updates.
#include <algorithm>
#include <cmath>

#include "lattice.h"
#include "term.h"

namespace seg {

namespace {

KeyCode code_for(const Image& image, const Kernel& kernel) {
    const Interval level{0, 255};
    const auto last = [](size_t size) { return Interval{0, static_cast<double>(size - 1)}; };
    return KeyCode({last(image.width), last(image.height), level, level, level},
                   {kernel.sxy, kernel.sxy, kernel.srgb, kernel.srgb, kernel.srgb});
}

// What one member of the team has of its own.
struct Shard {
    SimplexTable simplices;
    VertexTable vertices;       // until they are merged
    std::vector<float> masses;  // of those, sums of weights
    Buffer<float> values;       // of all vertices, what this member absorbed
};

class BilateralTerm : public Term {
  public:
    BilateralTerm(const Setting& setting, const Kernel& kernel)
        : setting_(setting),
          penalties_(kernel, setting),
          code_(code_for(setting.image, kernel)),
          sites_(setting.grid.height * setting.grid.width),
          shards_(setting.team.size()) {}

    void prepare(const std::vector<Rows>& rows) override {
        setting_.team.run([&](size_t member) { locate_all(shards_[member], rows[member]); });
        std::vector<std::vector<uint32_t>> global = merge();
        setting_.team.run([&](size_t member) { renumber(shards_[member], global[member]); });
        find_neighbours();
        blur_masses();
        const size_t size = (vertices_.size() + 1) * setting_.lanes;
        for (Shard& shard : shards_) shard.values = Buffer<float>(size);
        filtered_ = Buffer<float>(size);
        filtered_.clear(0, setting_.lanes);  // the vertex that is missing; others are written first
        setting_.team.run([&](size_t member) {
            for (const Range& some : rows[member]) normalise(shards_[member], some);
            shards_[member].values.clear();
        });
    }

    void absorb(size_t member, size_t y, size_t x, size_t count, const float* rows) override {
        Shard& shard = shards_[member];
        setting_.kernels.splat(rows, site(y, x), shard.simplices.simplices().data(), count,
                               shard.values.data(), setting_.lanes);
    }

    void filter() override {
        add_up();
        float* in = filtered_.data();
        float* out = shards_[0].values.data();
        for (size_t axis = 0; axis < kCorners; ++axis) {
            blur_axis(axis, in, out);
            std::swap(in, out);
        }
        setting_.team.run([&](size_t member) {
            const Range some = vertices_of(member);
            const size_t lanes = setting_.lanes;
            setting_.kernels.transform(in + some.begin * lanes, some.end - some.begin,
                                       penalties_.compat(), setting_.classes, lanes);
            shards_[member].values.clear();
        });
    }

    void add(size_t member, size_t y, size_t x, size_t count, const float* in,
             float* out) const override {
        setting_.kernels.slice(in, site(y, x), shards_[member].simplices.simplices().data(), count,
                               filtered_.data(), out, setting_.lanes);
    }

    void add_at(size_t member, size_t y, const uint32_t* x, size_t count, const float* in,
                float* out) override {
        Site sites[kStrip];
        SimplexTable& table = shards_[member].simplices;
        locate(y, x, count, table, sites, [this](uint64_t key) { return vertices_.find(key); });
        for (size_t i = 0; i < count; ++i) {
            sites[i].norm = norm_beside_sources(sites[i], table.simplices()[sites[i].simplex]);
        }
        setting_.kernels.slice(in, sites, table.simplices().data(), count, filtered_.data(), out,
                               setting_.lanes);
    }

  private:
    Site* site(size_t y, size_t x) { return sites_.data() + y * setting_.grid.width + x; }
    const Site* site(size_t y, size_t x) const {
        return sites_.data() + y * setting_.grid.width + x;
    }

    Range vertices_of(size_t member) const {
        const Range some = share_of(vertices_.size(), 16, member, setting_.team.size());
        return {some.begin + 1, some.end + 1};
    }

    // Weights and simplices of pixels of an image row; their norms are still to come.
    template <class Vertex>
    void locate(size_t y, const uint32_t* x, size_t count, SimplexTable& table, Site* sites,
                Vertex vertex) const {
        alignas(64) float features[kFeatures][kStrip] = {};
        const uint8_t* row = setting_.image.pixels + 3 * y * setting_.image.width;
        for (size_t i = 0; i < count; ++i) {
            features[0][i] = static_cast<float>(x[i]);
            features[1][i] = static_cast<float>(y);
            for (size_t c = 0; c < 3; ++c) features[2 + c][i] = row[3 * size_t{x[i]} + c];
        }
        Located located;
        setting_.kernels.locate(code_.embedding(), features, count, located);
        for (size_t i = 0; i < count; ++i) {
            int32_t quotients[kFeatures];
            for (size_t c = 0; c < kFeatures; ++c) quotients[c] = located.base[c][i];
            for (size_t c = 0; c < kCorners; ++c) sites[i].weight[c] = located.weight[c][i];
            sites[i].simplex = table.number(code_, code_.pack(quotients),
                                            static_cast<uint32_t>(located.order[i]), vertex);
        }
    }

    void locate_all(Shard& shard, const Rows& rows) {
        const Grid& grid = setting_.grid;
        size_t pixels = 0;
        for (const Range& some : rows) pixels += (some.end - some.begin) * grid.width;
        // What photographs have with usual widths; sources farther apart share fewer simplices.
        const size_t simplices = pixels / 8 * std::min<size_t>(grid.step, 4);
        shard.simplices = SimplexTable(simplices);
        shard.vertices = VertexTable(simplices / 2);
        for (const Range& some : rows) locate_rows(shard, some);
    }

    void locate_rows(Shard& shard, Range rows) {
        const Grid& grid = setting_.grid;
        uint32_t columns[kStrip];
        for (size_t y = rows.begin; y < rows.end; ++y) {
            for (size_t x = 0; x < grid.width; x += kStrip) {
                const size_t count = std::min(kStrip, grid.width - x);
                for (size_t i = 0; i < count; ++i) {
                    columns[i] = static_cast<uint32_t>(grid.at(x + i));
                }
                locate(grid.at(y), columns, count, shard.simplices, site(y, x),
                       [&shard](uint64_t key) { return shard.vertices.add(key); });
                add_masses(shard, site(y, x), count);
            }
        }
    }

    static void add_masses(Shard& shard, const Site* sites, size_t count) {
        shard.masses.resize(shard.vertices.size() + 1);
        for (size_t i = 0; i < count; ++i) {
            const Simplex& simplex = shard.simplices.simplices()[sites[i].simplex];
            for (size_t c = 0; c < kCorners; ++c) {
                shard.masses[simplex.vertex[c]] += sites[i].weight[c];
            }
        }
    }

    // Gives the vertices of all members common numbers; those of the first keep theirs.
    std::vector<std::vector<uint32_t>> merge() {
        std::vector<std::vector<uint32_t>> global(shards_.size());
        std::swap(vertices_, shards_[0].vertices);
        std::swap(masses_, shards_[0].masses);
        masses_.resize(vertices_.size() + 1);
        for (size_t s = 1; s < shards_.size(); ++s) {
            Shard& shard = shards_[s];
            global[s].assign(1, 0);
            for (size_t i = 0; i < shard.vertices.size(); ++i) {
                const uint32_t vertex = vertices_.add(shard.vertices.keys()[i]);
                global[s].push_back(vertex);
                masses_.resize(vertices_.size() + 1);
                masses_[vertex] += shard.masses[i + 1];
            }
            shard.vertices = VertexTable();
            std::vector<float>().swap(shard.masses);
        }
        return global;
    }

    static void renumber(Shard& shard, const std::vector<uint32_t>& global) {
        if (global.empty()) return;
        for (Simplex& simplex : shard.simplices.simplices()) {
            for (uint32_t& vertex : simplex.vertex) vertex = global[vertex];
        }
    }

    // Who comes after a vertex has it before: each member writes both, and no pair twice.
    void find_neighbours() {
        const size_t count = vertices_.size();
        neighbours_ = Buffer<Pair>::zeros(kCorners * count);
        setting_.team.run([&](size_t member) {
            const Range some = vertices_of(member);
            for (size_t vertex = some.begin; vertex < some.end; ++vertex) {
                const uint64_t key = vertices_.keys()[vertex - 1];
                for (size_t axis = 0; axis < kCorners; ++axis) {
                    const uint32_t after = vertices_.find(code_.after(key, axis));
                    if (after == 0) continue;
                    Pair* pairs = neighbours_.data() + axis * count;
                    pairs[vertex - 1].after = after;
                    pairs[after - 1].before = static_cast<uint32_t>(vertex);
                }
            }
        });
    }

    void blur_masses() {
        const size_t count = vertices_.size();
        std::vector<float> out(count + 1);
        for (size_t axis = 0; axis < kCorners; ++axis) {
            const Pair* pairs = neighbours_.data() + axis * count;
            setting_.team.run([&](size_t member) {
                const Range some = vertices_of(member);
                for (size_t i = some.begin; i < some.end; ++i) {
                    const Pair& pair = pairs[i - 1];
                    out[i] = masses_[i] + 0.5F * (masses_[pair.before] + masses_[pair.after]);
                }
            });
            masses_.swap(out);
        }
    }

    float mass_at(const Site& site, const Simplex& simplex) const {
        float mass = 0;
        for (size_t c = 0; c < kCorners; ++c) mass += site.weight[c] * masses_[simplex.vertex[c]];
        return mass;
    }

    void normalise(const Shard& shard, Range rows) {
        for (size_t i = rows.begin * setting_.grid.width; i < rows.end * setting_.grid.width;
             ++i) {
            const Simplex& simplex = shard.simplices.simplices()[sites_[i].simplex];
            sites_[i].norm = 1 / std::sqrt(mass_at(sites_[i], simplex));
        }
    }

    // Between sources some vertices may be missing. What remains speaks for all: mass and message
    // are divided by the weight that is there, which for the norm makes a square root of it.
    float norm_beside_sources(const Site& site, const Simplex& simplex) const {
        float present = 0;
        for (size_t c = 0; c < kCorners; ++c) {
            if (simplex.vertex[c] != 0) present += site.weight[c];
        }
        const float mass = mass_at(site, simplex) * present;
        return mass > 1e-12F ? 1 / std::sqrt(mass) : 0;
    }

    // Brings what all members absorbed into `filtered_`.
    void add_up() {
        if (shards_.size() == 1) {
            std::swap(filtered_, shards_[0].values);
            return;
        }
        std::vector<const float*> parts;
        const std::vector<float> weights(shards_.size(), 1.0F);
        for (const Shard& shard : shards_) parts.push_back(shard.values.data());
        setting_.team.run([&](size_t member) {
            const Range some = vertices_of(member);
            const size_t begin = some.begin * setting_.lanes;
            std::vector<const float*> from(parts);
            for (const float*& part : from) part += begin;
            setting_.kernels.combine(from.data(), weights.data(), from.size(),
                                     (some.end - some.begin) * setting_.lanes,
                                     filtered_.data() + begin);
        });
    }

    void blur_axis(size_t axis, const float* in, float* out) {
        setting_.team.run([&](size_t member) {
            const Range some = vertices_of(member);
            const Pair* pairs = neighbours_.data() + axis * vertices_.size() + some.begin - 1;
            setting_.kernels.blur(in, pairs, some.begin, some.end, out, setting_.lanes);
        });
    }

    Setting setting_;
    Penalties penalties_;
    KeyCode code_;
    Buffer<Site> sites_;
    std::vector<Shard> shards_;
    VertexTable vertices_;
    std::vector<float> masses_;  // of each vertex: the sum of the kernel there
    Buffer<Pair> neighbours_;
    Buffer<float> filtered_;
};

}  // namespace

std::unique_ptr<Term> make_bilateral(const Setting& setting, const Kernel& kernel) {
    return std::make_unique<BilateralTerm>(setting, kernel);
}

}  // namespace seg
