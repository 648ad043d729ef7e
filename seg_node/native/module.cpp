// SPDX-License-Identifier: Apache-2.0
// The module seg_node._native.
#include "python_crf.h"
#include "python_fitting.h"
#include "python_postprocess.h"

namespace {

// Each changes with every signature of its functions, of the CRF or of what is done to every image;
// the Python side refuses a module of another number.
constexpr long kInterface = 3;
constexpr long kPostprocessInterface = 3;

template <class Function>
PyCFunction method(Function function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"crf_refine", method(seg::crf_refine), METH_VARARGS | METH_KEYWORDS, seg::kCrfRefineDoc},
    {"crf_refine_scores", method(seg::crf_refine_scores), METH_VARARGS | METH_KEYWORDS,
     seg::kCrfRefineScoresDoc},
    {"crf_extremes", method(seg::crf_extremes), METH_VARARGS, seg::kCrfExtremesDoc},
    {"finish", method(seg::finish_scores), METH_VARARGS | METH_KEYWORDS, seg::kFinishDoc},
    {"confidence_at", method(seg::confidence_at_pixels), METH_VARARGS | METH_KEYWORDS,
     seg::kConfidenceAtDoc},
    {"plan_fit", method(seg::plan_fit_of), METH_VARARGS | METH_KEYWORDS, seg::kPlanFitDoc},
    {"fit", method(seg::fit_image), METH_VARARGS | METH_KEYWORDS, seg::kFitDoc},
    {"levels", method(seg::levels), METH_NOARGS, seg::kLevelsDoc},
    {nullptr, nullptr, 0, nullptr}};

int fill(PyObject* module) {
    const int done = PyModule_AddIntConstant(module, "INTERFACE", kInterface);
    return done != 0 ? done
                     : PyModule_AddIntConstant(module, "POSTPROCESS_INTERFACE",
                                               kPostprocessInterface);
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "seg_node._native",
                          "Inner loops in C++ of the dense CRF, of fitting and of post-processing.",
                          0,
                          methods,
                          slots,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModuleDef_Init(&definition); }
