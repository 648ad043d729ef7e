// SPDX-License-Identifier: Apache-2.0
#include "unary.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "buffer.h"

namespace seg {

namespace {

// A label may be this much [nats] less probable than the best, and still not be in doubt.
constexpr float kNear = 1.0F;

class Probabilities : public Unary {
  public:
    Probabilities(const float* values, size_t classes, const Image& image, float clip)
        : values_(values),
          classes_(classes),
          image_(image),
          clip_(clip),
          // No other class can be e^kNear times as probable as one of at least this.
          least_(1 / (1 + std::exp(kNear))) {}

    size_t classes() const override { return classes_; }

    void rows(const Kernels& kernels, size_t y, const uint32_t* x, size_t count, float* out,
              size_t lanes) const override {
        kernels.log_planes(values_ + y * image_.width, image_.height * image_.width, classes_, x,
                           count, clip_, out, lanes);
    }

    void doubt(size_t y, uint8_t* labels) const override {
        const size_t plane = image_.height * image_.width;
        const float* row = values_ + y * image_.width;
        for (size_t x = 0; x < image_.width; ++x) {
            if (labels[x] != kNone && !(row[labels[x] * plane + x] >= least_)) labels[x] = kNone;
        }
    }

  private:
    const float* values_;
    size_t classes_;
    Image image_;
    float clip_;
    float least_;
};

// Where pixels lie between scores, along one axis.
struct Places {
    std::vector<uint32_t> cell;
    std::vector<float> weight;  // of the next score

    Places(size_t pixels, size_t scores) {
        for (size_t i = 0; i < pixels; ++i) {
            const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(scores) /
                                      static_cast<double>(pixels) -
                                  0.5;
            const double x = std::min(std::max(centre, 0.0), static_cast<double>(scores - 1));
            cell.push_back(static_cast<uint32_t>(x));
            weight.push_back(static_cast<float>(x - std::floor(x)));
        }
    }
};

class ScoreMaps : public Unary {
  public:
    ScoreMaps(const Scores& scores, const Image& image, float clip, const Kernels& kernels)
        : scores_(scores),
          lanes_((scores.classes + kernels.width - 1) / kernels.width * kernels.width),
          least_(std::log(clip)),
          down_(image.height, scores.height),
          across_(image.width, scores.width),
          rows_(scores.height * scores.width * lanes_),
          words_((scores.classes + 63) / 64),
          near_(scores.height * scores.width * words_) {
        for (size_t i = 0; i < scores.height * scores.width; ++i) load(i);
        base_.assign(kStrip * lanes_, 0.0F);
        ones_.assign(kStrip, 1.0F);
    }

    size_t classes() const override { return scores_.classes; }

    void rows(const Kernels& kernels, size_t y, const uint32_t* x, size_t count, float* out,
              size_t lanes) const override {
        uint32_t cell[kStrip];
        float weight[kStrip];
        for (size_t i = 0; i < count; ++i) {
            cell[i] = across_.cell[x[i]];
            weight[i] = across_.weight[x[i]];
        }
        const size_t row = scores_.width * lanes_;
        const size_t above = down_.cell[y];
        const size_t below = std::min(above + 1, scores_.height - 1);
        kernels.spread(base_.data(), count,
                       {rows_.data() + above * row, rows_.data() + below * row, down_.weight[y]},
                       {cell, weight, ones_.data(), static_cast<uint32_t>(scores_.width - 1)},
                       1.0F, out, lanes);
        kernels.log_softmax(out, count, scores_.classes, least_, out, lanes);
    }

    // Interpolation keeps what all four scores around a pixel agree in.
    void doubt(size_t y, uint8_t* labels) const override {
        const size_t above = down_.cell[y] * scores_.width;
        const size_t below =
            std::min<size_t>(down_.cell[y] + 1, scores_.height - 1) * scores_.width;
        for (size_t x = 0; x < across_.cell.size(); ++x) {
            if (labels[x] == kNone) continue;
            const size_t left = across_.cell[x];
            const size_t right = std::min(left + 1, scores_.width - 1);
            const size_t word = labels[x] / 64;
            const uint64_t all = near_[(above + left) * words_ + word] &
                                 near_[(above + right) * words_ + word] &
                                 near_[(below + left) * words_ + word] &
                                 near_[(below + right) * words_ + word];
            if ((all >> (labels[x] % 64) & 1U) == 0) labels[x] = kNone;
        }
    }

  private:
    // Scores of one place, shifted so that the largest is 0: that changes no probability.
    void load(size_t i) {
        const size_t plane = scores_.height * scores_.width;
        float* row = rows_.data() + i * lanes_;
        uint64_t* near = near_.data() + i * words_;
        std::fill(near, near + words_, uint64_t{0});
        float best = scores_.values[i];
        for (size_t c = 1; c < scores_.classes; ++c) {
            best = std::max(best, scores_.values[c * plane + i]);
        }
        for (size_t c = 0; c < lanes_; ++c) {
            if (c >= scores_.classes) {
                row[c] = kPad;
                continue;
            }
            row[c] = std::max((scores_.values[c * plane + i] - best) / scores_.temperature,
                              0.9F * kPad);
            if (row[c] >= -kNear) near[c / 64] |= uint64_t{1} << (c % 64);
        }
    }

    Scores scores_;
    size_t lanes_;
    float least_;
    Places down_;
    Places across_;
    Buffer<float> rows_;
    size_t words_;
    Buffer<uint64_t> near_;  // a bit for each class that is nearly the most probable
    std::vector<float> base_;
    std::vector<float> ones_;
};

}  // namespace

std::unique_ptr<Unary> make_unary(const float* probabilities, size_t classes, const Image& image,
                                  float clip) {
    return std::make_unique<Probabilities>(probabilities, classes, image, clip);
}

std::unique_ptr<Unary> make_unary(const Scores& scores, const Image& image, float clip,
                                  const Kernels& kernels) {
    return std::make_unique<ScoreMaps>(scores, image, clip, kernels);
}

}  // namespace seg
