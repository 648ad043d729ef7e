// SPDX-License-Identifier: Apache-2.0
// Arrays of a Python caller, through the buffer protocol, so that no header of numpy is needed.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace seg {

// A Python exception is set already.
struct PythonError : std::exception {};

template <class T>
struct Format;
template <>
struct Format<float> {
    static constexpr char code = 'f';
    static constexpr const char* name = "float32";
};
template <>
struct Format<uint8_t> {
    static constexpr char code = 'B';
    static constexpr const char* name = "uint8";
};

// A C-contiguous array; it stays the caller's and is held until this object goes.
template <class T>
class Array {
  public:
    // Throws PythonError if the object is no contiguous array, std::invalid_argument if it has
    // another type.
    Array(PyObject* object, const char* name, bool writable = false) {
        const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(object, &view_, flags) != 0) throw PythonError();
        const char* format = view_.format != nullptr ? view_.format : "B";
        if (format[0] != Format<T>::code || format[1] != '\0' || view_.itemsize != sizeof(T)) {
            const std::string got = format;
            PyBuffer_Release(&view_);
            throw std::invalid_argument(std::string(name) + " has items of format '" + got +
                                        "'; expected " + Format<T>::name);
        }
    }
    ~Array() { PyBuffer_Release(&view_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    T* data() const { return static_cast<T*>(view_.buf); }
    size_t dimensions() const { return static_cast<size_t>(view_.ndim); }
    size_t shape(size_t i) const { return static_cast<size_t>(view_.shape[i]); }
    size_t size() const { return static_cast<size_t>(view_.len) / sizeof(T); }

  private:
    Py_buffer view_{};
};

// Throws std::invalid_argument unless an array has these sizes.
template <class T>
void expect_shape(const Array<T>& array, std::initializer_list<size_t> sizes, const char* name) {
    bool equal = array.dimensions() == sizes.size();
    size_t i = 0;
    for (const size_t size : sizes) {
        equal = equal && array.shape(i++) == size;
    }
    if (!equal) throw std::invalid_argument(std::string(name) + " has a wrong shape");
}

}  // namespace seg
