// SPDX-License-Identifier: Apache-2.0
#include "unary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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

    // Where all are asked for, none is settled before.
    void decide(size_t, uint8_t*) const override {}

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
    ScoreMaps(const Scores& scores, const Image& image, float clip, const Kernels& kernels,
              Team& team)
        : scores_(scores),
          lanes_((scores.classes + kernels.width - 1) / kernels.width * kernels.width),
          least_(std::log(clip)),
          down_(image.height, scores.height),
          across_(image.width, scores.width),
          rows_(scores.height * scores.width * lanes_),
          words_((scores.classes + 63) / 64),
          near_(scores.height * scores.width * words_),
          leaders_(scores.height * scores.width) {
        team.run([&](size_t member) {
            const size_t places = scores.height * scores.width;
            const Range some = share_of(places, kStrip, member, team.size());
            Desk desk(lanes_);
            for (size_t i = some.begin; i < some.end; i += kStrip) {
                load(desk, i, std::min(kStrip, some.end - i));
            }
        });
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
        const Lines lines = lines_of(y);
        kernels.spread(base_.data(), count,
                       {rows_.data() + lines.above * lanes_, rows_.data() + lines.below * lanes_,
                        down_.weight[y]},
                       {cell, weight, ones_.data(), static_cast<uint32_t>(scores_.width - 1)},
                       1.0F, out, lanes);
        kernels.log_softmax(out, count, scores_.classes, least_, out, lanes);
    }

    // Interpolation keeps what all four scores around a pixel agree in.
    void doubt(size_t y, uint8_t* labels) const override {
        const Lines lines = lines_of(y);
        for (size_t x = 0; x < across_.cell.size(); ++x) {
            if (labels[x] == kNone) continue;
            const size_t word = labels[x] / 64;
            uint64_t all = ~uint64_t{0};
            for (const size_t at : around(lines, x)) all &= near_[at * words_ + word];
            if ((all >> (labels[x] % 64) & 1U) == 0) labels[x] = kNone;
        }
    }

    // So it does with the lead of the class that leads in all four.
    void decide(size_t y, uint8_t* labels) const override {
        if (std::isinf(scores_.margin)) return;
        const Lines lines = lines_of(y);
        for (size_t x = 0; x < across_.cell.size(); ++x) {
            const std::array<size_t, 4> four = around(lines, x);
            const uint8_t leader = leaders_[four[0]];
            if (leader != kNone && leader == leaders_[four[1]] && leader == leaders_[four[2]] &&
                leader == leaders_[four[3]]) {
                labels[x] = leader;
            }
        }
    }

  private:
    // Scores of a strip, class by class.
    struct Desk {
        explicit Desk(size_t lanes) : planes(kStrip * lanes) {}
        std::vector<float> planes;
        float best[kStrip];
        float second[kStrip];
    };

    // Scores of neighbouring places, shifted so that the largest is 0: that changes no
    // probability. Class by class, because that is how they lie, and quick.
    void load(Desk& desk, size_t first, size_t count) {
        const size_t plane = scores_.height * scores_.width;
        std::copy_n(scores_.values + first, count, desk.best);
        std::fill_n(desk.second, count, -std::numeric_limits<float>::infinity());
        for (size_t c = 1; c < scores_.classes; ++c) {
            const float* from = scores_.values + c * plane + first;
            for (size_t i = 0; i < count; ++i) {
                desk.second[i] = std::max(desk.second[i], std::min(desk.best[i], from[i]));
                desk.best[i] = std::max(desk.best[i], from[i]);
            }
        }
        for (size_t c = 0; c < scores_.classes; ++c) {
            const float* from = scores_.values + c * plane + first;
            float* to = desk.planes.data() + c * kStrip;
            for (size_t i = 0; i < count; ++i) {
                to[i] = std::max((from[i] - desk.best[i]) / scores_.temperature, 0.9F * kPad);
            }
        }
        for (size_t i = 0; i < count; ++i) put(desk, i, first + i);
    }

    // Writes what is known of a place.
    void put(const Desk& desk, size_t i, size_t place) {
        float* row = rows_.data() + place * lanes_;
        uint64_t* near = near_.data() + place * words_;
        std::fill_n(near, words_, uint64_t{0});
        const float lead = (desk.best[i] - desk.second[i]) / scores_.temperature;
        leaders_[place] = kNone;
        for (size_t c = 0; c < scores_.classes; ++c) {
            const float score = desk.planes[c * kStrip + i];
            row[c] = score;
            near[c / 64] |= uint64_t{score >= -kNear} << (c % 64);
            if (score == 0 && lead >= scores_.margin) leaders_[place] = static_cast<uint8_t>(c);
        }
        std::fill(row + scores_.classes, row + lanes_, kPad);
    }

    struct Lines {
        size_t above, below;  // first places of rows of scores
    };

    Lines lines_of(size_t y) const {
        const size_t above = down_.cell[y];
        const size_t below = std::min<size_t>(above + 1, scores_.height - 1);
        return {above * scores_.width, below * scores_.width};
    }

    // The four places that a pixel lies between.
    std::array<size_t, 4> around(const Lines& lines, size_t x) const {
        const size_t left = across_.cell[x];
        const size_t right = std::min(left + 1, scores_.width - 1);
        return {lines.above + left, lines.above + right, lines.below + left, lines.below + right};
    }

    Scores scores_;
    size_t lanes_;
    float least_;
    Places down_;
    Places across_;
    Buffer<float> rows_;
    size_t words_;
    Buffer<uint64_t> near_;        // a bit for each class that is nearly the most probable
    std::vector<uint8_t> leaders_;  // classes whose lead reaches the margin, else kNone
    std::vector<float> base_;
    std::vector<float> ones_;
};

}  // namespace

std::unique_ptr<Unary> make_unary(const float* probabilities, size_t classes, const Image& image,
                                  float clip) {
    return std::make_unique<Probabilities>(probabilities, classes, image, clip);
}

std::unique_ptr<Unary> make_unary(const Scores& scores, const Image& image, float clip,
                                  const Kernels& kernels, Team& team) {
    return std::make_unique<ScoreMaps>(scores, image, clip, kernels, team);
}

}  // namespace seg
