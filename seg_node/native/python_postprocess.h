// SPDX-License-Identifier: Apache-2.0
// Post-processing as functions of the Python module.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace seg {

extern const char kFinishDoc[];
extern const char kConfidenceAtDoc[];

PyObject* finish_scores(PyObject* module, PyObject* arguments, PyObject* keywords);
PyObject* confidence_at_pixels(PyObject* module, PyObject* arguments, PyObject* keywords);

}  // namespace seg
