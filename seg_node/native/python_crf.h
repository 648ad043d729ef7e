// SPDX-License-Identifier: Apache-2.0
// The dense CRF as functions of the Python module.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace seg {

extern const char kCrfRefineDoc[];
extern const char kCrfRefineScoresDoc[];
extern const char kCrfExtremesDoc[];
extern const char kLevelsDoc[];

PyObject* crf_refine(PyObject* module, PyObject* arguments, PyObject* keywords);
PyObject* crf_refine_scores(PyObject* module, PyObject* arguments, PyObject* keywords);
PyObject* crf_extremes(PyObject* module, PyObject* arguments);
PyObject* levels(PyObject* module, PyObject* none);

}  // namespace seg
