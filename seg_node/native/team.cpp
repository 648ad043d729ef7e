// SPDX-License-Identifier: Apache-2.0
#include "team.h"

#include <algorithm>

namespace seg {

namespace {

// Pieces of work follow each other within microseconds, so waiting starts without the kernel.
template <class Condition>
void wait_until(Condition condition) {
    constexpr int kSpins = 2000;
    for (int spin = 0; !condition(); ++spin) {
        if (spin > kSpins) std::this_thread::yield();
    }
}

}  // namespace

Team::Team(size_t size) : errors_(std::max<size_t>(size, 1)) {
    try {
        for (size_t member = 1; member < errors_.size(); ++member) {
            threads_.emplace_back([this, member] { serve(member); });
        }
    } catch (...) {
        closing_ = true;
        ++round_;
        for (std::thread& thread : threads_) thread.join();
        throw;
    }
}

Team::~Team() {
    closing_ = true;
    ++round_;
    for (std::thread& thread : threads_) thread.join();
}

void Team::run(const Work& work) {
    work_ = &work;
    busy_ = threads_.size();
    ++round_;
    call(work, 0);
    wait_until([this] { return busy_ == 0; });
    for (std::exception_ptr& error : errors_) {
        if (error) {
            const std::exception_ptr first = error;
            for (std::exception_ptr& one : errors_) one = nullptr;
            std::rethrow_exception(first);
        }
    }
}

void Team::serve(size_t member) {
    for (size_t seen = 0;;) {
        wait_until([this, seen] { return round_ != seen; });
        ++seen;
        if (closing_) return;
        call(*work_, member);
        --busy_;
    }
}

void Team::call(const Work& work, size_t member) {
    try {
        work(member);
    } catch (...) {
        errors_[member] = std::current_exception();
    }
}

Range share_of(size_t count, size_t step, size_t member, size_t members) {
    const size_t steps = (count + step - 1) / step;
    return {std::min(count, steps * member / members * step),
            std::min(count, steps * (member + 1) / members * step)};
}

std::vector<std::vector<Range>> turns_of(size_t count, size_t size, size_t members) {
    std::vector<std::vector<Range>> result(members);
    for (size_t begin = 0, block = 0; begin < count; begin += size, ++block) {
        result[block % members].push_back({begin, std::min(count, begin + size)});
    }
    return result;
}

}  // namespace seg
