// SPDX-License-Identifier: Apache-2.0
#include "python_fitting.h"

#include <memory>

#include "fitting.h"
#include "fitting_job.h"
#include "kernels.h"
#include "python_buffer.h"
#include "python_guard.h"

namespace seg {

const char kPlanFitDoc[] =
    "plan_fit(image_size, size)\n--\n\n"
    "Prepare for scaling images of one size to another, both (height, width).\n\n"
    "Returns a plan for fit. Raises ValueError for sizes without pixels, and for too large ones.";

const char kFitDoc[] =
    "fit(plan, image, batch, top, left, level)\n--\n\n"
    "Scale an image into a rectangle of a network's input, bilinearly with half-pixel centres, "
    "to whole numbers from 0 to 255; the rest of the input stays as it is.\n\n"
    "plan: of plan_fit. image: (H, W, 3) uint8 of the plan's image size; rows may lie anywhere, "
    "the pixels of a row side by side. batch: (1, 3, h, w) float32. top, left: where the "
    "rectangle of the plan's size begins in it [px]. level: one of levels(), or None for the "
    "best; all give the same.\n\n"
    "Raises ValueError for wrong shapes, types and numbers.";

namespace {

constexpr char kPlanName[] = "seg_node._native.plan_fit";
constexpr Py_ssize_t kLongest = Py_ssize_t{1} << 28;  // offsets in a row have to fit into 31 bits

// An image of RGB bytes; it stays the caller's and is held until this object goes.
class Image {
  public:
    // Throws PythonError if the object is no array, std::invalid_argument if it is another one.
    explicit Image(PyObject* object) {
        if (PyObject_GetBuffer(object, &view_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
            throw PythonError();
        }
        if (!is_rgb()) {
            PyBuffer_Release(&view_);
            throw std::invalid_argument(
                "the image is not (H, W, 3) uint8 with the pixels of a row side by side");
        }
    }
    ~Image() { PyBuffer_Release(&view_); }
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    const uint8_t* data() const { return static_cast<const uint8_t*>(view_.buf); }
    size_t height() const { return static_cast<size_t>(view_.shape[0]); }
    size_t width() const { return static_cast<size_t>(view_.shape[1]); }
    ptrdiff_t step() const { return view_.strides[0]; }

  private:
    bool is_rgb() const {
        const char* format = view_.format != nullptr ? view_.format : "B";
        return format[0] == 'B' && format[1] == '\0' && view_.ndim == 3 && view_.shape[2] == 3 &&
               view_.strides[2] == 1 && (view_.strides[1] == 3 || view_.shape[1] == 1);
    }

    Py_buffer view_{};
};

struct PlanRequest {
    Py_ssize_t image_height = 0, image_width = 0, height = 0, width = 0;
};

struct FitRequest {
    PyObject* plan = nullptr;
    PyObject* image = nullptr;
    PyObject* batch = nullptr;
    Py_ssize_t top = 0, left = 0;
    const char* level = nullptr;
};

void forget_plan(PyObject* capsule) {
    delete static_cast<FitPlan*>(PyCapsule_GetPointer(capsule, kPlanName));
}

PyObject* answer(const PlanRequest& request) {
    for (const Py_ssize_t length :
         {request.image_height, request.image_width, request.height, request.width}) {
        check(length >= 1 && length <= kLongest, "a size has no pixels, or is too large");
    }
    auto plan = std::make_unique<FitPlan>(plan_fit(
        static_cast<size_t>(request.image_height), static_cast<size_t>(request.image_width),
        static_cast<size_t>(request.height), static_cast<size_t>(request.width)));
    PyObject* capsule = PyCapsule_New(plan.get(), kPlanName, forget_plan);
    if (capsule != nullptr) plan.release();
    return capsule;
}

PyObject* answer(const FitRequest& request) {
    check(PyCapsule_IsValid(request.plan, kPlanName) != 0, "the plan is not one of plan_fit");
    const auto& plan =
        *static_cast<const FitPlan*>(PyCapsule_GetPointer(request.plan, kPlanName));
    const Image image(request.image);
    check(image.height() == plan.image_height && image.width() == plan.image_width,
          "the image has another size than the plan");
    const Array<float> batch(request.batch, "batch", true);
    check(batch.dimensions() == 4 && batch.shape(0) == 1 && batch.shape(1) == kChannels,
          "the batch is not (1, 3, h, w)");
    const auto rows = static_cast<Py_ssize_t>(batch.shape(2));
    const auto columns = static_cast<Py_ssize_t>(batch.shape(3));
    check(request.top >= 0 && request.top <= rows - static_cast<Py_ssize_t>(plan.height) &&
              request.left >= 0 && request.left <= columns - static_cast<Py_ssize_t>(plan.width),
          "the rectangle is not inside the batch");
    float* levels = batch.data() + request.top * columns + request.left;
    const FitPlanes planes{levels, batch.shape(3), batch.shape(2) * batch.shape(3)};
    const char* level = request.level != nullptr ? request.level : best_level();
    {
        const WithoutGil free;
        fit(plan, {image.data(), image.step()}, planes, level);
    }
    Py_RETURN_NONE;
}

}  // namespace

PyObject* plan_fit_of(PyObject*, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {"image_size", "size", nullptr};
    PlanRequest request;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "(nn)(nn)", const_cast<char**>(names),
                                     &request.image_height, &request.image_width, &request.height,
                                     &request.width)) {
        return nullptr;
    }
    return guarded([&] { return answer(request); });
}

PyObject* fit_image(PyObject*, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {"plan", "image", "batch", "top", "left", "level", nullptr};
    FitRequest request;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOOnnz", const_cast<char**>(names),
                                     &request.plan, &request.image, &request.batch, &request.top,
                                     &request.left, &request.level)) {
        return nullptr;
    }
    return guarded([&] { return answer(request); });
}

}  // namespace seg
