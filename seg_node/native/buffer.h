// SPDX-License-Identifier: Apache-2.0
// Memory that starts at a cache line.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace seg {

template <class T>
class Buffer {
  public:
    Buffer() = default;
    // Contents are undefined.
    explicit Buffer(size_t size) : size_(size) {
        constexpr size_t line = 64;
        constexpr size_t page = size_t{1} << 21;  // a huge one: fewer faults on first touch
        const bool huge = size * sizeof(T) >= 2 * page;
        const size_t unit = huge ? page : line;
        if (size > (std::numeric_limits<size_t>::max() - unit) / sizeof(T)) throw std::bad_alloc();
        const size_t bytes = (size * sizeof(T) + unit - 1) / unit * unit;
        data_.reset(static_cast<T*>(std::aligned_alloc(unit, bytes > 0 ? bytes : unit)));
        if (!data_) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
        if (huge) madvise(data_.get(), bytes, MADV_HUGEPAGE);  // only a hint
#endif
    }
    static Buffer zeros(size_t size) {
        Buffer buffer(size);
        buffer.clear();
        return buffer;
    }
    void clear() { clear(0, size_); }
    void clear(size_t begin, size_t end) {
        if (end > begin) std::memset(data_.get() + begin, 0, (end - begin) * sizeof(T));
    }
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    T& operator[](size_t i) { return data_.get()[i]; }
    const T& operator[](size_t i) const { return data_.get()[i]; }
    size_t size() const { return size_; }

  private:
    struct Free {
        void operator()(T* data) const { std::free(data); }
    };
    std::unique_ptr<T, Free> data_;
    size_t size_ = 0;
};

}  // namespace seg
