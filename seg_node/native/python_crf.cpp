// SPDX-License-Identifier: Apache-2.0
#include "python_crf.h"

#include <memory>

#include "extremes.h"
#include "mean_field.h"
#include "python_buffer.h"
#include "python_guard.h"

namespace seg {

const char kCrfRefineDoc[] =
    "crf_refine(probabilities, image, kernels, iterations, clip, stride, threads, labels, "
    "marginals, level)\n--\n\n"
    "Mean-field inference in a dense CRF.\n\n"
    "probabilities: (K, H, W) float32. image: (H, W, 3) uint8. kernels: tuples (sxy, srgb, "
    "penalties), srgb 0 for a Gaussian kernel, penalties float32 of shape (), (K,) or (K, K).\n"
    "stride: 1, or every so many pixels is a source of messages.\n"
    "labels: (H, W) uint8 to be filled, or None. marginals: (K, H, W) float32 to be filled, or "
    "None.\n"
    "level: one of levels(), or None for the best.\n\n"
    "Returns for how many pixels the last update was computed; the others' labels were settled.\n"
    "Raises ValueError for wrong shapes, types and numbers, and for kernels that are too narrow.";

const char kCrfRefineScoresDoc[] =
    "crf_refine_scores(scores, temperature, margin, image, kernels, iterations, clip, stride, "
    "threads, labels, level)\n--\n\n"
    "As crf_refine, for scores (K, h, w) float32 of the whole image at any resolution; they are "
    "divided by the temperature and scaled up bilinearly with half-pixel centres.\n"
    "margin: a pixel keeps its label where one class leads by that much in all scores around it; "
    "infinite for none.";

const char kCrfExtremesDoc[] =
    "crf_extremes(probabilities, threads)\n--\n\n"
    "By how much the sum of a pixel of (K, H, W) float32 misses 1 at most, not finite if a sum is "
    "not; and the lowest value.";

const char kLevelsDoc[] =
    "levels()\n--\n\nThe instruction sets that can be used on this processor, the best first.";

namespace {

Kernel to_kernel(PyObject* item, size_t classes) {
    Kernel kernel{};
    PyObject* object = nullptr;
    if (!PyTuple_Check(item)) throw std::invalid_argument("a kernel is no tuple");
    if (!PyArg_ParseTuple(item, "ddO", &kernel.sxy, &kernel.srgb, &object)) throw PythonError();
    check(is_positive(kernel.sxy), "sxy is not positive");
    check(kernel.srgb == 0 || is_positive(kernel.srgb), "srgb is not positive");
    const Array<float> penalties(object, "penalties");
    check(penalties.dimensions() <= 2, "penalties have more than two dimensions");
    for (size_t i = 0; i < penalties.dimensions(); ++i) {
        check(penalties.shape(i) == classes, "penalties are for another number of classes");
    }
    for (size_t i = 0; i < penalties.size(); ++i) {
        check(std::isfinite(penalties.data()[i]), "a penalty is not finite");
    }
    constexpr Compat::Form forms[] = {Compat::kScalar, Compat::kVector, Compat::kMatrix};
    kernel.form = forms[penalties.dimensions()];
    kernel.penalties.assign(penalties.data(), penalties.data() + penalties.size());
    return kernel;
}

std::vector<Kernel> to_kernels(PyObject* sequence, size_t classes) {
    struct Release {
        void operator()(PyObject* object) const { Py_DECREF(object); }
    };
    const std::unique_ptr<PyObject, Release> items(
        PySequence_Fast(sequence, "kernels are no sequence"));
    if (!items) throw PythonError();
    std::vector<Kernel> kernels;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
        kernels.push_back(to_kernel(PySequence_Fast_GET_ITEM(items.get(), i), classes));
    }
    return kernels;
}

// What both functions take beside their scores.
struct Request {
    PyObject* image = nullptr;
    PyObject* kernels = nullptr;
    Py_ssize_t iterations = 0;
    double clip = 0;
    Py_ssize_t stride = 0;
    Py_ssize_t threads = 0;
    PyObject* labels = nullptr;
    PyObject* marginals = Py_None;
    const char* level = nullptr;

    Settings settings(size_t classes, const Image& size) const {
        check(classes >= 1 && classes <= 255, "expected 1 to 255 classes");
        check(iterations >= 1, "expected at least one iteration");
        check(clip >= 1e-30 && clip < 1, "expected a clip from 1e-30 to 1");
        check(threads >= 1 && threads <= 1024, "expected 1 to 1024 threads");
        const size_t smallest = size.height < size.width ? size.height : size.width;
        check(stride >= 1 && static_cast<size_t>(stride) <= smallest,
              "expected a stride from 1 to the smallest side of the image");
        return {to_kernels(kernels, classes), static_cast<size_t>(iterations),
                static_cast<float>(clip),     static_cast<size_t>(threads),
                static_cast<size_t>(stride),  level != nullptr ? level : best_level()};
    }
};

Image to_image(const Array<uint8_t>& pixels) {
    check(pixels.dimensions() == 3 && pixels.size() > 0, "image is not (H, W, 3)");
    expect_shape(pixels, {pixels.shape(0), pixels.shape(1), 3}, "image");
    check(pixels.shape(1) < (size_t{1} << 30), "image is too wide");
    return {pixels.data(), pixels.shape(0), pixels.shape(1)};
}

template <class T>
std::unique_ptr<Array<T>> to_output(PyObject* object, const char* name) {
    if (object == Py_None) return nullptr;
    return std::make_unique<Array<T>>(object, name, true);
}

PyObject* refine(PyObject* probabilities, const Request& request) {
    const Array<uint8_t> pixels(request.image, "image");
    const Image image = to_image(pixels);
    const Array<float> planes(probabilities, "probabilities");
    check(planes.dimensions() == 3, "probabilities are not (K, H, W)");
    const size_t classes = planes.shape(0);
    expect_shape(planes, {classes, image.height, image.width}, "probabilities");
    const auto labels = to_output<uint8_t>(request.labels, "labels");
    const auto marginals = to_output<float>(request.marginals, "marginals");
    if (labels) expect_shape(*labels, {image.height, image.width}, "labels");
    if (marginals) expect_shape(*marginals, {classes, image.height, image.width}, "marginals");
    const Settings settings = request.settings(classes, image);
    size_t computed = 0;
    {
        const WithoutGil free;
        const auto unary = make_unary(planes.data(), classes, image, settings.clip);
        Team team(settings.threads);
        computed = infer(image, *unary, settings, team,
                         {labels ? labels->data() : nullptr,
                          marginals ? marginals->data() : nullptr});
    }
    return PyLong_FromSize_t(computed);
}

PyObject* refine_scores(PyObject* object, double temperature, double margin,
                        const Request& request) {
    const Array<uint8_t> pixels(request.image, "image");
    const Image image = to_image(pixels);
    const Array<float> maps(object, "scores");
    check(maps.dimensions() == 3 && maps.size() > 0, "scores are not (K, h, w)");
    check(is_positive(temperature), "temperature is not positive");
    check(margin > 0, "margin is not positive");
    const Scores scores{maps.data(),
                        maps.shape(0),
                        maps.shape(1),
                        maps.shape(2),
                        static_cast<float>(temperature),
                        static_cast<float>(margin)};
    const Array<uint8_t> labels(request.labels, "labels", true);
    expect_shape(labels, {image.height, image.width}, "labels");
    const Settings settings = request.settings(scores.classes, image);
    size_t computed = 0;
    {
        const WithoutGil free;
        const Kernels& kernels = kernels_for(settings.level, scores.classes);
        Team team(settings.threads);
        const auto unary = make_unary(scores, image, settings.clip, kernels, team);
        computed = infer(image, *unary, settings, team, {labels.data(), nullptr});
    }
    return PyLong_FromSize_t(computed);
}

}  // namespace

PyObject* crf_refine(PyObject*, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {"probabilities", "image",   "kernels", "iterations",
                                  "clip",          "stride",  "threads", "labels",
                                  "marginals",     "level",   nullptr};
    PyObject* probabilities = nullptr;
    Request request;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "OOOndnnOOz", const_cast<char**>(names), &probabilities,
            &request.image, &request.kernels, &request.iterations, &request.clip, &request.stride,
            &request.threads, &request.labels, &request.marginals, &request.level)) {
        return nullptr;
    }
    return guarded([&] { return refine(probabilities, request); });
}

PyObject* crf_refine_scores(PyObject*, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {"scores",     "temperature", "margin", "image",
                                  "kernels",    "iterations",  "clip",   "stride",
                                  "threads",    "labels",      "level",  nullptr};
    PyObject* scores = nullptr;
    double temperature = 0;
    double margin = 0;
    Request request;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "OddOOndnnOz", const_cast<char**>(names), &scores, &temperature,
            &margin, &request.image, &request.kernels, &request.iterations, &request.clip,
            &request.stride, &request.threads, &request.labels, &request.level)) {
        return nullptr;
    }
    return guarded([&] { return refine_scores(scores, temperature, margin, request); });
}

PyObject* crf_extremes(PyObject*, PyObject* arguments) {
    PyObject* object = nullptr;
    Py_ssize_t threads = 0;
    if (!PyArg_ParseTuple(arguments, "On", &object, &threads)) return nullptr;
    return guarded([&] {
        const Array<float> planes(object, "probabilities");
        check(planes.dimensions() == 3 && planes.size() > 0, "probabilities are not (K, H, W)");
        check(threads >= 1 && threads <= 1024, "expected 1 to 1024 threads");
        Extremes found{};
        {
            const WithoutGil free;
            Team team(static_cast<size_t>(threads));
            found = extremes(planes.data(), planes.shape(0), planes.shape(1) * planes.shape(2),
                             team);
        }
        return Py_BuildValue("ff", found.error, found.lowest);
    });
}

PyObject* levels(PyObject*, PyObject*) {
    PyObject* list = PyList_New(0);
    for (const char* level : {"avx512", "avx2", "baseline"}) {
        if (list == nullptr || !has_level(level)) continue;
        PyObject* name = PyUnicode_FromString(level);
        if (name == nullptr || PyList_Append(list, name) != 0) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

}  // namespace seg
