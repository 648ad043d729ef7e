// SPDX-License-Identifier: Apache-2.0
#include "mean_field.h"

#include <algorithm>

#include "buffer.h"
#include "team.h"
#include "term.h"

namespace seg {

namespace {

// Probability that sources must give a label for pixels between them to take it over.
constexpr float kSure = 0.99F;
// Rows of the grid that a member takes at a time, a power of 2. Streets are busier at some heights
// than at others; pixels far apart seldom share a simplex, so larger turns repeat less work.
constexpr size_t kTurn = 16;
constexpr size_t kRows = 8;  // of the image that a member takes at a time

// Scratch memory of one member of the team.
struct Desk {
    Buffer<float> rows;    // of a strip
    Buffer<float> energy;  // of a strip
    float best[kStrip];
    uint32_t x[kStrip];
    size_t computed = 0;          // pixels of the last update
    std::vector<uint8_t> above;   // settled labels of a row of the grid
    std::vector<uint8_t> labels;  // of an image row, kNone where not settled
};

class MeanField {
  public:
    MeanField(const Image& image, const Unary& unary, const Settings& settings, Team& team)
        : unary_(unary),
          settings_(settings),
          team_(team),
          setting_{kernels_for(settings.level, unary.classes()),
                   image,
                   Grid(image, settings.stride),
                   unary.classes(),
                   0,
                   team_},
          desks_(team_.size()) {
        const size_t width = setting_.kernels.width;
        setting_.lanes = (setting_.classes + width - 1) / width * width;
        for (Desk& desk : desks_) {
            desk.rows = Buffer<float>(kStrip * setting_.lanes);
            desk.energy = Buffer<float>(kStrip * setting_.lanes);
            desk.labels.resize(image.width);
        }
        for (const Kernel& kernel : settings.kernels) {
            terms_.push_back(kernel.srgb > 0 ? make_bilateral(setting_, kernel)
                                             : make_gaussian(setting_, kernel));
        }
        share_rows();
        for (size_t x = 0; x < image.width; ++x) {
            columns_.push_back(around(x, setting_.grid.width));
        }
        for (const auto& term : terms_) term->prepare(rows_);
        energy_ = Buffer<float>(setting_.grid.height * setting_.grid.width * setting_.lanes);
    }

    // Returns for how many pixels the last update was computed.
    size_t run(const Outputs& outputs) {
        const bool strided = setting_.grid.step > 1;
        const size_t updates = settings_.iterations - 1;  // before the one that gives the result
        const bool gated = strided && outputs.marginals == nullptr;
        if (gated) settled_.assign(setting_.grid.height * setting_.grid.width, kNone);
        for (size_t i = 0; i <= updates; ++i) {
            const bool settle = gated && i == updates;
            team_.run([&](size_t member) { update(member, i == 0, settle); });
            for (const auto& term : terms_) term->filter();
        }
        if (!strided) {
            team_.run([&](size_t member) { finish_on_grid(member, outputs); });
        } else {
            Blocks rows(setting_.image.height, kRows);
            team_.run([&](size_t member) { finish_between(member, rows, outputs); });
        }
        size_t computed = 0;
        for (const Desk& desk : desks_) computed += desk.computed;
        return computed;
    }

  private:
    void share_rows() {
        size_t step = 1;  // steps are powers of 2
        for (const auto& term : terms_) step = std::max(step, term->row_step());
        rows_ = turns_of(setting_.grid.height, std::max(step, kTurn), team_.size());
    }

    float* energy(size_t y, size_t x) {
        return energy_.data() + (y * setting_.grid.width + x) * setting_.lanes;
    }

    // Calls work(y, x, count) for the strips of a member's rows.
    template <class Work>
    void for_strips(size_t member, Work work) {
        for (const Range& rows : rows_[member]) {
            for (size_t y = rows.begin; y < rows.end; ++y) {
                for (size_t x = 0; x < setting_.grid.width; x += kStrip) {
                    work(y, x, std::min(kStrip, setting_.grid.width - x));
                }
            }
        }
    }

    // Energies and all messages of a strip; where they are.
    const float* messages(Desk& desk, size_t member, size_t y, size_t x, size_t count) {
        const float* in = energy(y, x);
        for (const auto& term : terms_) {
            term->add(member, y, x, count, in, desk.energy.data());
            in = desk.energy.data();
        }
        return in;
    }

    void load_energy(Desk& desk, size_t y, size_t x, size_t count) {
        for (size_t i = 0; i < count; ++i) {
            desk.x[i] = static_cast<uint32_t>(setting_.grid.at(x + i));
        }
        unary_.rows(setting_.kernels, setting_.grid.at(y), desk.x, count, energy(y, x),
                    setting_.lanes);
    }

    void update(size_t member, bool first, bool settle) {
        Desk& desk = desks_[member];
        for_strips(member, [&](size_t y, size_t x, size_t count) {
            if (first) load_energy(desk, y, x, count);
            const float* in = first ? energy(y, x) : messages(desk, member, y, x, count);
            setting_.kernels.softmax(in, count, desk.rows.data(), setting_.lanes);
            for (const auto& term : terms_) term->absorb(member, y, x, count, desk.rows.data());
            if (settle) settle_strip(desk, y, x, count);
        });
    }

    void settle_strip(Desk& desk, size_t y, size_t x, size_t count) {
        uint8_t* labels = settled_.data() + y * setting_.grid.width + x;
        setting_.kernels.winners(desk.rows.data(), count, labels, desk.best, setting_.lanes);
        for (size_t i = 0; i < count; ++i) {
            if (!(desk.best[i] > kSure)) labels[i] = kNone;
        }
    }

    void finish_on_grid(size_t member, const Outputs& outputs) {
        Desk& desk = desks_[member];
        for_strips(member, [&](size_t y, size_t x, size_t count) {
            const float* in = messages(desk, member, y, x, count);
            write(desk, in, y * setting_.image.width + x, count, outputs);
            if (outputs.labels != nullptr && x + count == setting_.grid.width) {
                unary_.decide(y, outputs.labels + y * setting_.image.width);
            }
        });
    }

    // Writes results of neighbouring pixels.
    void write(Desk& desk, const float* energies, size_t pixel, size_t count,
               const Outputs& outputs) {
        desk.computed += count;
        if (outputs.labels != nullptr) {
            setting_.kernels.winners(energies, count, outputs.labels + pixel, desk.best,
                                     setting_.lanes);
        }
        if (outputs.marginals != nullptr) {
            setting_.kernels.softmax(energies, count, desk.rows.data(), setting_.lanes);
            setting_.kernels.to_planes(desk.rows.data(), count, setting_.classes,
                                       outputs.marginals + pixel,
                                       setting_.image.height * setting_.image.width,
                                       setting_.lanes);
        }
    }

    void finish_between(size_t member, Blocks& rows, const Outputs& outputs) {
        Desk& desk = desks_[member];
        for (Range some; rows.take(some);) {
            for (size_t y = some.begin; y < some.end; ++y) {
                if (outputs.marginals != nullptr) {
                    finish_row(desk, member, y, outputs);
                } else {
                    finish_doubts(desk, member, y, outputs.labels + y * setting_.image.width);
                }
            }
        }
    }

    // Energies and messages of the pixels desk.x of an image row.
    const float* messages_between(Desk& desk, size_t member, size_t y, size_t count) {
        float* rows = desk.energy.data();
        unary_.rows(setting_.kernels, y, desk.x, count, rows, setting_.lanes);
        for (const auto& term : terms_) term->add_at(member, y, desk.x, count, rows, rows);
        return rows;
    }

    void finish_row(Desk& desk, size_t member, size_t y, const Outputs& outputs) {
        for (size_t x = 0; x < setting_.image.width; x += kStrip) {
            const size_t count = std::min(kStrip, setting_.image.width - x);
            for (size_t i = 0; i < count; ++i) desk.x[i] = static_cast<uint32_t>(x + i);
            const float* in = messages_between(desk, member, y, count);
            write(desk, in, y * setting_.image.width + x, count, outputs);
        }
    }

    // Labels of an image row: the network's where it is sure, those of the sources around where
    // they are, else from messages.
    void finish_doubts(Desk& desk, size_t member, size_t y, uint8_t* labels) {
        take_over(desk, y, labels);
        unary_.doubt(y, labels);
        unary_.decide(y, labels);
        size_t count = 0;
        for (size_t x = 0; x < setting_.image.width; ++x) {
            if (labels[x] == kNone) desk.x[count++] = static_cast<uint32_t>(x);
            if (count == kStrip || (count > 0 && x + 1 == setting_.image.width)) {
                finish_some(desk, member, y, count, labels);
                count = 0;
            }
        }
    }

    void finish_some(Desk& desk, size_t member, size_t y, size_t count, uint8_t* labels) {
        uint8_t found[kStrip];
        desk.computed += count;
        const float* in = messages_between(desk, member, y, count);
        setting_.kernels.winners(in, count, found, desk.best, setting_.lanes);
        for (size_t i = 0; i < count; ++i) labels[desk.x[i]] = found[i];
    }

    // The grid's index at or before a pixel, and the one after it.
    Range around(size_t pixel, size_t size) const {
        const Grid& grid = setting_.grid;
        if (pixel < grid.first) return {0, 0};
        const size_t before = std::min((pixel - grid.first) / grid.step, size - 1);
        return {before, std::min(before + 1, size - 1)};
    }

    // The label that the four sources around each pixel agree in, or kNone.
    void take_over(Desk& desk, size_t y, uint8_t* labels) const {
        const Grid& grid = setting_.grid;
        const Range lines = around(y, grid.height);
        const uint8_t* above = settled_.data() + lines.begin * grid.width;
        const uint8_t* below = settled_.data() + lines.end * grid.width;
        desk.above.resize(grid.width);
        for (size_t x = 0; x < grid.width; ++x) {
            desk.above[x] = above[x] == below[x] ? above[x] : kNone;
        }
        for (size_t x = 0; x < setting_.image.width; ++x) {
            const uint8_t left = desk.above[columns_[x].begin];
            labels[x] = left == desk.above[columns_[x].end] ? left : kNone;
        }
    }

    const Unary& unary_;
    const Settings& settings_;
    Team& team_;
    Setting setting_;
    std::vector<Desk> desks_;
    std::vector<std::unique_ptr<Term>> terms_;
    std::vector<Rows> rows_;        // of the grid, of each member
    std::vector<Range> columns_;    // of the grid, around each column of the image
    Buffer<float> energy_;          // of the grid's pixels: log-probabilities
    std::vector<uint8_t> settled_;  // of the grid's pixels: labels, kNone where not sure
};

}  // namespace

size_t infer(const Image& image, const Unary& unary, const Settings& settings, Team& team,
             const Outputs& outputs) {
    return MeanField(image, unary, settings, team).run(outputs);
}

}  // namespace seg
