// SPDX-License-Identifier: Apache-2.0
// What every function of the Python module needs: errors in Python's terms, and room for others.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cmath>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

#include "python_buffer.h"

namespace seg {

// Calls a function and turns its C++ exceptions into Python's.
template <class Function>
PyObject* guarded(Function function) {
    try {
        return function();
    } catch (const PythonError&) {
        return nullptr;
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    } catch (const std::logic_error& error) {  // domain, invalid argument, length
        PyErr_SetString(PyExc_ValueError, error.what());
    } catch (const std::system_error& error) {
        PyErr_SetString(PyExc_OSError, error.what());
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return nullptr;
}

// Lets other Python threads run.
class WithoutGil {
  public:
    WithoutGil() : state_(PyEval_SaveThread()) {}
    ~WithoutGil() { PyEval_RestoreThread(state_); }
    WithoutGil(const WithoutGil&) = delete;
    WithoutGil& operator=(const WithoutGil&) = delete;

  private:
    PyThreadState* state_;
};

inline void check(bool right, const char* message) {
    if (!right) throw std::invalid_argument(message);
}

inline bool is_positive(double x) { return x > 0 && std::isfinite(x); }

}  // namespace seg
