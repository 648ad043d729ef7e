// SPDX-License-Identifier: Apache-2.0
// The module seg_node._native.
#include "python_crf.h"

namespace {

// Changes with every signature; the Python side refuses a module of another number.
constexpr long kInterface = 1;

template <class Function>
PyCFunction method(Function function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"crf_refine", method(seg::crf_refine), METH_VARARGS | METH_KEYWORDS, seg::kCrfRefineDoc},
    {"crf_refine_scores", method(seg::crf_refine_scores), METH_VARARGS | METH_KEYWORDS,
     seg::kCrfRefineScoresDoc},
    {"levels", method(seg::levels), METH_NOARGS, seg::kLevelsDoc},
    {nullptr, nullptr, 0, nullptr}};

int fill(PyObject* module) { return PyModule_AddIntConstant(module, "INTERFACE", kInterface); }

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "seg_node._native",
                          "Inner loops in C++; seg_node.crf.native_backend calls them.",
                          0,
                          methods,
                          slots,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModuleDef_Init(&definition); }
