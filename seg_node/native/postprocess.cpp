// SPDX-License-Identifier: Apache-2.0
#include "postprocess.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "buffer.h"
#include "postprocess_job.h"

namespace seg {

namespace {

// Classes that are left out have less than e^-14 of the probability, together.
constexpr float kNegligible = 14.0F;
constexpr float kBitsPerNat = 1.44269504F;
// Scores are not told apart below -86 bits, which matters to bytes only if the best are near that.
constexpr float kFar = -57.0F;
// Two members with fewer rows than this would wait for each other longer than they work.
constexpr size_t kFewestRows = 16;

// Where pixels lie between scores, along one axis; the last pixel is repeated up to `room`.
void place(size_t pixels, size_t scores, size_t room, int32_t* cell, float* weight) {
    for (size_t i = 0; i < room; ++i) {
        const auto pixel = static_cast<double>(std::min(i, pixels - 1));
        const double centre =
            (pixel + 0.5) * static_cast<double>(scores) / static_cast<double>(pixels) - 0.5;
        const double x = std::min(std::max(centre, 0.0), static_cast<double>(scores - 1));
        cell[i] = static_cast<int32_t>(x);
        weight[i] = static_cast<float>(x - std::floor(x));
    }
}

// Memory of the calling thread that its next image uses again.
template <class T>
class Kept {
  public:
    T* room(size_t size) {
        if (size > buffer_.size()) buffer_ = Buffer<T>(size);
        return buffer_.data();
    }

  private:
    Buffer<T> buffer_;
};

struct Work {
    FinishRows finish;
    ConfidenceRows confidence;
};

Work work_of(const char* level) {
    expect_level(level);
#if defined(__x86_64__)
    if (std::strcmp(level, "avx512") == 0) return {finish_rows_avx512, confidence_rows_avx512};
    if (std::strcmp(level, "avx2") == 0) return {finish_rows_avx2, confidence_rows_avx2};
#endif
    return {finish_rows_baseline, confidence_rows_baseline};
}

float margin_of(const Job& job) {
    if (job.maps.probabilities != nullptr) return std::numeric_limits<float>::infinity();
    if (!job.soft()) return 0.0F;
    return (kNegligible + std::log(static_cast<float>(job.scores.classes))) * kBitsPerNat;
}

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// Memory of a calling thread, for one image after another.
struct Memory {
    Kept<int32_t> cells;
    Kept<float> weights;
    Kept<float> scratch;
};

Memory& memory() {
    thread_local Memory kept;
    return kept;
}

Job make_job(const ScoreWindow& scores, float factor, const PixelMaps& maps) {
    Job job{};
    job.scores = scores;
    job.factor = std::min(factor * kBitsPerNat, std::numeric_limits<float>::max());
    job.maps = maps;
    for (size_t k = 0; maps.planes != nullptr && k < scores.classes; ++k) {
        job.planes = job.planes || maps.planes[k] != nullptr;
    }
    job.margin = margin_of(job);
    job.far = maps.probabilities != nullptr ? 0.0F : kFar;
    job.entropy_unit = 255.0F / std::log(static_cast<float>(std::max<size_t>(scores.classes, 2)));
    job.stride = round_up(scores.width + kWidest, kWidest);
    const size_t columns = round_up(maps.width, kBlock);
    int32_t* cell = memory().cells.room(maps.height + columns);
    float* weight = memory().weights.room(maps.height + columns);
    place(maps.height, scores.height, maps.height, cell, weight);
    place(maps.width, scores.width, columns, cell + maps.height, weight + maps.height);
    job.row_cell = cell;
    job.row_weight = weight;
    job.cell = cell + maps.height;
    job.weight = weight + maps.height;
    return job;
}

}  // namespace

bool finish(const ScoreWindow& scores, float factor, const PixelMaps& maps, size_t threads,
            const char* level) {
    const Work work = work_of(level);
    const Job job = make_job(scores, factor, maps);
    const size_t members = std::max<size_t>(std::min(threads, maps.height / kFewestRows), 1);
    const size_t size = round_up(Scratch::size(scores.classes, job.stride), kWidest);
    float* rooms = memory().scratch.room(members * size);
    std::atomic<bool> finite{true};
    Team team(members);
    team.run([&](size_t member) {
        const Range checked = share_of(scores.height, 1, member, members);
        const Range rows = share_of(maps.height, 1, member, members);
        const Scratch scratch(rooms + member * size, scores.classes, job.stride);
        if (!work.finish(job, checked, rows, scratch)) finite = false;
    });
    return finite;
}

void confidence_at(const ScoreWindow& scores, float factor, const Points& points,
                   const char* level) {
    const Work work = work_of(level);
    PixelMaps maps{};
    maps.height = points.height;
    maps.width = points.width;
    const Job job = make_job(scores, factor, maps);
    float* room = memory().scratch.room(Scratch::size(scores.classes, job.stride));
    work.confidence(job, points, Scratch(room, scores.classes, job.stride));
}

}  // namespace seg
