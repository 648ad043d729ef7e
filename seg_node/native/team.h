// SPDX-License-Identifier: Apache-2.0
// Threads that do one piece of work after another, together.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace seg {

struct Range {
    size_t begin, end;
};

class Team {
  public:
    using Work = std::function<void(size_t member)>;

    explicit Team(size_t size);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    size_t size() const { return errors_.size(); }
    // Calls work(0) to work(size - 1), each in a thread of its own, and returns when all are done.
    // Throws what the first of them threw.
    void run(const Work& work);

  private:
    void serve(size_t member);
    void call(const Work& work, size_t member);

    std::vector<std::exception_ptr> errors_;
    std::vector<std::thread> threads_;
    const Work* work_ = nullptr;
    std::atomic<size_t> round_{0};
    std::atomic<size_t> busy_{0};
    std::atomic<bool> closing_{false};
};

// The share of `count` things that a member works on, in steps of `step`.
Range share_of(size_t count, size_t step, size_t member, size_t members);

// Hands out things in blocks of `size` to whichever member is free, where it changes no result who
// does what: a member may start late, or work on a slower core.
class Blocks {
  public:
    Blocks(size_t count, size_t size) : count_(count), size_(size) {}
    // Takes the next block; false if there is none.
    bool take(Range& block) {
        block.begin = std::min(next_.fetch_add(size_, std::memory_order_relaxed), count_);
        block.end = std::min(block.begin + size_, count_);
        return block.begin < count_;
    }

  private:
    size_t count_, size_;
    std::atomic<size_t> next_{0};
};

// Shares of things that cost the more or the less depending on where they lie: members take turns
// in blocks of `size`.
std::vector<std::vector<Range>> turns_of(size_t count, size_t size, size_t members);

}  // namespace seg
