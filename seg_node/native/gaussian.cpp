// SPDX-License-Identifier: Apache-2.0
// The Gaussian term: sums of cells of pixels, a separable filter, bilinear interpolation between
// cells. A Gaussian is smooth, so cells of up to two thirds of its width lose next to nothing.
#include <algorithm>
#include <cmath>

#include "term.h"

namespace seg {

namespace {

constexpr double kReach = 3.0;  // standard deviations that the filter covers to each side

// Cells along one axis of the image.
class Axis {
  public:
    Axis(size_t sources, size_t step, size_t first, size_t per_cell, size_t pixels, double sigma)
        : cells_((sources + per_cell - 1) / per_cell),
          step_(step),
          first_(first),
          per_cell_(per_cell) {
        make_taps(sigma);
        const std::vector<float> masses = cell_masses(sources);
        for (size_t i = 0; i < sources; ++i) {
            cell_of_source.push_back(static_cast<uint32_t>(i / per_cell));
            place(first + i * step, masses, at_sources);
        }
        if (step > 1) {
            for (size_t i = 0; i < pixels; ++i) place(i, masses, at_pixels);
        }
    }

    // Where pixels lie between cells.
    struct Places {
        std::vector<uint32_t> cell;
        std::vector<float> weight;  // of the next cell
        std::vector<float> norm;
    };
    std::vector<uint32_t> cell_of_source;
    Places at_sources;
    Places at_pixels;
    std::vector<float> taps;

    size_t cells() const { return cells_; }
    CellColumns columns(const Places& places, size_t from) const {
        return {places.cell.data() + from, places.weight.data() + from, places.norm.data() + from,
                static_cast<uint32_t>(cells_ - 1)};
    }

  private:
    // Adding up cells and interpolating between them blur, too; the filter does the rest.
    void make_taps(double sigma) {
        const auto n = static_cast<double>(per_cell_);
        double spread = (n * n - 1) / 12;
        for (size_t i = 0; i < per_cell_; ++i) {
            const double place = (static_cast<double>(i) - (n - 1) / 2) / n;
            const double fraction = place - std::floor(place);
            spread += n * n * fraction * (1 - fraction) / n;
        }
        const double width = sigma / static_cast<double>(step_);
        const double rest = std::sqrt(std::max(width * width - spread, 1e-12)) / n;
        const double radius = std::min(std::ceil(kReach * rest), static_cast<double>(cells_));
        for (size_t i = 0; i <= static_cast<size_t>(radius); ++i) {
            const double x = static_cast<double>(i) / rest;
            taps.push_back(static_cast<float>(std::exp(-x * x / 2)));
        }
    }

    // The filter of ones: the sum of the kernel at each cell.
    std::vector<float> cell_masses(size_t sources) const {
        std::vector<float> result;
        for (size_t i = 0; i < cells_; ++i) {
            float mass = 0;
            const size_t reach = taps.size() - 1;
            for (size_t j = i > reach ? i - reach : 0; j <= std::min(i + reach, cells_ - 1); ++j) {
                const size_t distance = i < j ? j - i : i - j;
                const size_t pixels = std::min(per_cell_, sources - j * per_cell_);
                mass += taps[distance] * static_cast<float>(pixels);
            }
            result.push_back(mass);
        }
        return result;
    }

    void place(size_t pixel, const std::vector<float>& masses, Places& places) const {
        const auto n = static_cast<double>(per_cell_);
        const double source = (static_cast<double>(pixel) - static_cast<double>(first_)) /
                              static_cast<double>(step_);
        const double centre = (source - (n - 1) / 2) / n;
        const double x = std::min(std::max(centre, 0.0), static_cast<double>(cells_ - 1));
        const auto cell = static_cast<size_t>(x);
        const auto weight = static_cast<float>(x - static_cast<double>(cell));
        const size_t next = std::min(cell + 1, cells_ - 1);
        const float mass = (1 - weight) * masses[cell] + weight * masses[next];
        places.cell.push_back(static_cast<uint32_t>(cell));
        places.weight.push_back(weight);
        places.norm.push_back(1 / std::sqrt(mass));
    }

    size_t cells_, step_, first_, per_cell_;
};

// Pixels of the grid that a cell has along each axis: a power of 2.
size_t pixels_per_cell(const Setting& setting, double sigma) {
    // On the way to a full-size result sources are few already; there coarser cells do.
    const double finest = setting.grid.step == 1 ? 1.5 : 0.75;
    constexpr size_t kMost = 32;
    const double width = sigma / static_cast<double>(setting.grid.step);
    size_t result = 1;
    while (result < kMost && width / static_cast<double>(2 * result) >= finest) result *= 2;
    return result;
}

class GaussianTerm : public Term {
  public:
    GaussianTerm(const Setting& setting, const Kernel& kernel)
        : setting_(setting),
          penalties_(kernel, setting),
          per_cell_(pixels_per_cell(setting, kernel.sxy)),
          across_(setting.grid.width, setting.grid.step, setting.grid.first, per_cell_,
                  setting.image.width, kernel.sxy),
          down_(setting.grid.height, setting.grid.step, setting.grid.first, per_cell_,
                setting.image.height, kernel.sxy),
          row_size_(across_.cells() * setting.lanes) {}

    size_t row_step() const override { return per_cell_; }

    void prepare(const std::vector<Rows>& rows) override {
        const size_t size = down_.cells() * row_size_;
        for (size_t member = 0; member < rows.size(); ++member) {
            absorbed_.push_back(Buffer<float>::zeros(row_size_));
        }
        half_ = Buffer<float>(size);
        filtered_ = Buffer<float>(size);
    }

    // A row of cells is filtered along itself as soon as it is complete, while it is in cache.
    void absorb(size_t member, size_t y, size_t x, size_t count, const float* rows) override {
        Buffer<float>& row = absorbed_[member];
        setting_.kernels.gather(rows, count, across_.cell_of_source.data() + x,
                                across_.at_sources.norm.data() + x, down_.at_sources.norm[y],
                                row.data(), setting_.lanes);
        const bool last = (y + 1) % per_cell_ == 0 || y + 1 == setting_.grid.height;
        if (!last || x + count < setting_.grid.width) return;
        setting_.kernels.convolve(row.data(), across_.cells(), across_.taps.data(),
                                  across_.taps.size() - 1,
                                  half_.data() + down_.cell_of_source[y] * row_size_,
                                  setting_.lanes);
        row.clear();
    }

    void filter() override {
        setting_.team.run([&](size_t member) {
            const Range rows = share_of(down_.cells(), 1, member, setting_.team.size());
            for (size_t y = rows.begin; y < rows.end; ++y) filter_down(y);
        });
    }

    void add(size_t, size_t y, size_t x, size_t count, const float* in,
             float* out) const override {
        spread(down_.at_sources, y, across_.columns(across_.at_sources, x), count, in, out);
    }

    void add_at(size_t, size_t y, const uint32_t* x, size_t count, const float* in,
                float* out) override {
        uint32_t cell[kStrip];
        float weight[kStrip];
        float norm[kStrip];
        const bool strided = setting_.grid.step > 1;
        const Axis::Places& places = strided ? across_.at_pixels : across_.at_sources;
        for (size_t i = 0; i < count; ++i) {
            cell[i] = places.cell[x[i]];
            weight[i] = places.weight[x[i]];
            norm[i] = places.norm[x[i]];
        }
        const auto last = static_cast<uint32_t>(across_.cells() - 1);
        spread(strided ? down_.at_pixels : down_.at_sources, y, {cell, weight, norm, last}, count,
               in, out);
    }

  private:
    // One row of the vertical filter, a piece that stays in cache at a time.
    void filter_down(size_t y) {
        const size_t reach = down_.taps.size() - 1;
        const size_t first = y > reach ? y - reach : 0;
        const size_t last = std::min(y + reach, down_.cells() - 1);
        std::vector<const float*> rows;
        std::vector<float> weights;
        for (size_t other = first; other <= last; ++other) {
            rows.push_back(half_.data() + other * row_size_);
            weights.push_back(down_.taps[other < y ? y - other : other - y]);
        }
        float* out = filtered_.data() + y * row_size_;
        setting_.kernels.combine(rows.data(), weights.data(), rows.size(), row_size_, out);
        setting_.kernels.transform(out, across_.cells(), penalties_.compat(), setting_.classes,
                                   setting_.lanes);
    }

    void spread(const Axis::Places& places, size_t y, const CellColumns& columns, size_t count,
                const float* in, float* out) const {
        const size_t cell = places.cell[y];
        const size_t next = std::min(cell + 1, down_.cells() - 1);
        const CellRows rows{filtered_.data() + cell * row_size_,
                            filtered_.data() + next * row_size_, places.weight[y]};
        setting_.kernels.spread(in, count, rows, columns, places.norm[y], out, setting_.lanes);
    }

    Setting setting_;
    Penalties penalties_;
    size_t per_cell_;
    Axis across_;
    Axis down_;
    size_t row_size_;
    std::vector<Buffer<float>> absorbed_;  // of each member, a row of cells
    Buffer<float> half_;  // filtered along rows
    Buffer<float> filtered_;
};

}  // namespace

std::unique_ptr<Term> make_gaussian(const Setting& setting, const Kernel& kernel) {
    return std::make_unique<GaussianTerm>(setting, kernel);
}

Penalties::Penalties(const Kernel& kernel, const Setting& setting) : form_(kernel.form) {
    const size_t rows = form_ == Compat::kMatrix ? setting.classes : 1;
    const size_t columns = form_ == Compat::kScalar ? 1 : setting.classes;
    values_ = Buffer<float>::zeros(rows * setting.lanes);
    for (size_t y = 0; y < rows; ++y) {
        for (size_t x = 0; x < columns; ++x) {
            values_[y * setting.lanes + x] = kernel.penalties[y * columns + x];
        }
    }
}

}  // namespace seg
