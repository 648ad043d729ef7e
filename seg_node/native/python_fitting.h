// SPDX-License-Identifier: Apache-2.0
// Fitting as functions of the Python module.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace seg {

extern const char kPlanFitDoc[];
extern const char kFitDoc[];

PyObject* plan_fit_of(PyObject* module, PyObject* arguments, PyObject* keywords);
PyObject* fit_image(PyObject* module, PyObject* arguments, PyObject* keywords);

}  // namespace seg
