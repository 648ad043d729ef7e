// SPDX-License-Identifier: Apache-2.0
#include "python_postprocess.h"

#include <memory>
#include <vector>

#include "kernels.h"
#include "postprocess.h"
#include "python_buffer.h"
#include "python_guard.h"

namespace seg {

const char kFinishDoc[] =
    "finish(scores, window, temperature, size, labels, confidence, entropy, planes, "
    "probabilities, area, rule, threads, level)\n--\n\n"
    "Scale scores to an image, bilinearly with half-pixel centres, and take their softmax.\n\n"
    "scores: (K, h, w) float32. window: top, left, height and width of the image's part of them. "
    "size: height and width of the image.\n"
    "labels, confidence, entropy: (H, W) uint8 to be filled, or None. planes: K such, each or "
    "None. probabilities: (K, H, W) float32 to be filled, or None.\n"
    "area: (H, W) uint8 to be filled with 255 where one may drive, else 0, or None. rule: for the "
    "area (256,) uint8, 255 for ids to drive on, the least confidence and the largest entropy, "
    "both 0 to 255; else None.\n"
    "level: one of levels(), or None for the best.\n\n"
    "Returns False, and the maps mean nothing, if a score in the window is NaN or infinite. "
    "Raises ValueError for wrong shapes, types and numbers.";

const char kConfidenceAtDoc[] =
    "confidence_at(scores, window, temperature, labels, where, confidence, level)\n--\n\n"
    "The probability of given labels at some pixels.\n\n"
    "scores, window, temperature, level: as for finish; the scores have to be finite. labels: "
    "(H, W) uint8, each below K. where: (H, W) uint8, 1 for the pixels that matter, else 0.\n"
    "confidence: as many uint8 as there are such pixels, to be filled in reading order.\n\n"
    "Raises ValueError for wrong shapes, types and numbers.";

namespace {

using Bytes = std::unique_ptr<Array<uint8_t>>;

// What both functions take.
struct ScoresRequest {
    PyObject* scores = nullptr;
    Py_ssize_t top = 0, left = 0, height = 0, width = 0;
    double temperature = 0;
    const char* level = nullptr;

    float factor() const { return static_cast<float>(1.0 / temperature); }
    const char* level_or_best() const { return level != nullptr ? level : best_level(); }
};

struct FinishRequest : ScoresRequest {
    Py_ssize_t rows = 0, columns = 0;
    PyObject* labels = nullptr;
    PyObject* confidence = nullptr;
    PyObject* entropy = nullptr;
    PyObject* planes = nullptr;
    PyObject* probabilities = nullptr;
    PyObject* area = nullptr;
    PyObject* rule = nullptr;
    Py_ssize_t threads = 0;
};

struct ConfidenceRequest : ScoresRequest {
    PyObject* labels = nullptr;
    PyObject* where = nullptr;
    PyObject* confidence = nullptr;
};

ScoreWindow to_window(const Array<float>& scores, const ScoresRequest& request) {
    check(request.temperature > 0, "temperature is not above 0");
    check(scores.dimensions() == 3 && scores.size() > 0, "scores are not (K, h, w)");
    check(scores.shape(0) <= 255, "expected 1 to 255 classes");
    check(scores.shape(2) < (size_t{1} << 30), "scores are too wide");
    const auto rows = static_cast<Py_ssize_t>(scores.shape(1));
    const auto columns = static_cast<Py_ssize_t>(scores.shape(2));
    check(request.top >= 0 && request.height >= 1 && request.top <= rows - request.height &&
              request.left >= 0 && request.width >= 1 && request.left <= columns - request.width,
          "the window is not inside the scores");
    const float* values = scores.data() + request.top * columns + request.left;
    return {values,
            scores.shape(0),
            static_cast<size_t>(request.height),
            static_cast<size_t>(request.width),
            scores.shape(2),
            scores.shape(1) * scores.shape(2)};
}

Bytes to_map(PyObject* object, const PixelMaps& maps, const char* name) {
    if (object == Py_None) return nullptr;
    Bytes bytes = std::make_unique<Array<uint8_t>>(object, name, true);
    expect_shape(*bytes, {maps.height, maps.width}, name);
    return bytes;
}

std::vector<Bytes> to_planes(PyObject* tuple, size_t classes, const PixelMaps& maps) {
    check(PyTuple_Check(tuple) && static_cast<size_t>(PyTuple_GET_SIZE(tuple)) == classes,
          "planes are no tuple with an item for each class");
    std::vector<Bytes> planes;
    for (size_t k = 0; k < classes; ++k) {
        planes.push_back(
            to_map(PyTuple_GET_ITEM(tuple, static_cast<Py_ssize_t>(k)), maps, "a plane"));
    }
    return planes;
}

Bytes to_rule(PyObject* tuple, DrivableRule& rule) {
    check(PyTuple_Check(tuple), "the rule of the drivable area is no tuple");
    PyObject* classes = nullptr;
    if (!PyArg_ParseTuple(tuple, "Obb", &classes, &rule.least_confidence, &rule.most_entropy)) {
        throw PythonError();
    }
    Bytes table = std::make_unique<Array<uint8_t>>(classes, "the classes of the rule");
    expect_shape(*table, {256}, "the classes of the rule");
    rule.classes = table->data();
    return table;
}

PyObject* answer(const FinishRequest& request) {
    const Array<float> scores(request.scores, "scores");
    const ScoreWindow window = to_window(scores, request);
    check(request.threads >= 1 && request.threads <= 1024, "expected 1 to 1024 threads");
    check(request.rows >= 1 && request.columns >= 1 && request.columns < (Py_ssize_t{1} << 30),
          "the image has no pixels, or is too wide");
    PixelMaps maps{};
    maps.height = static_cast<size_t>(request.rows);
    maps.width = static_cast<size_t>(request.columns);
    const Bytes labels = to_map(request.labels, maps, "labels");
    const Bytes confidence = to_map(request.confidence, maps, "confidence");
    const Bytes entropy = to_map(request.entropy, maps, "entropy");
    const std::vector<Bytes> planes = to_planes(request.planes, window.classes, maps);
    std::vector<uint8_t*> rows;
    for (const Bytes& plane : planes) rows.push_back(plane ? plane->data() : nullptr);
    std::unique_ptr<Array<float>> shares;
    if (request.probabilities != Py_None) {
        shares = std::make_unique<Array<float>>(request.probabilities, "probabilities", true);
        expect_shape(*shares, {window.classes, maps.height, maps.width}, "probabilities");
    }
    const Bytes area = to_map(request.area, maps, "area");
    const Bytes table = area ? to_rule(request.rule, maps.rule) : nullptr;
    maps.area = area ? area->data() : nullptr;
    maps.labels = labels ? labels->data() : nullptr;
    maps.confidence = confidence ? confidence->data() : nullptr;
    maps.entropy = entropy ? entropy->data() : nullptr;
    maps.planes = rows.data();
    maps.probabilities = shares ? shares->data() : nullptr;
    check(maps.labels != nullptr || maps.probabilities != nullptr,
          "neither labels nor probabilities are to be filled");
    bool finite = false;
    {
        const WithoutGil free;
        finite = finish(window, request.factor(), maps, static_cast<size_t>(request.threads),
                        request.level_or_best());
    }
    return PyBool_FromLong(finite);
}

PyObject* answer(const ConfidenceRequest& request) {
    const Array<float> scores(request.scores, "scores");
    const ScoreWindow window = to_window(scores, request);
    const Array<uint8_t> labels(request.labels, "labels");
    check(labels.dimensions() == 2 && labels.size() > 0, "labels are not (H, W)");
    check(labels.shape(1) < (size_t{1} << 30), "the image is too wide");
    const Array<uint8_t> where(request.where, "where");
    expect_shape(where, {labels.shape(0), labels.shape(1)}, "where");
    const Array<uint8_t> confidence(request.confidence, "confidence", true);
    size_t count = 0;
    for (size_t i = 0; i < where.size(); ++i) {
        if (where.data()[i] == 0) continue;
        check(labels.data()[i] < window.classes, "a label is not below the number of classes");
        ++count;
    }
    expect_shape(confidence, {count}, "confidence");
    {
        const WithoutGil free;
        confidence_at(window, request.factor(),
                      {labels.shape(0), labels.shape(1), labels.data(), where.data(),
                       confidence.data()},
                      request.level_or_best());
    }
    Py_RETURN_NONE;
}

}  // namespace

PyObject* finish_scores(PyObject*, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {
        "scores",  "window",        "temperature", "size", "labels",  "confidence", "entropy",
        "planes",  "probabilities", "area",        "rule", "threads", "level",      nullptr};
    FinishRequest request;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "O(nnnn)d(nn)OOOOOOOnz", const_cast<char**>(names),
            &request.scores, &request.top, &request.left, &request.height, &request.width, &request.temperature,
            &request.rows, &request.columns, &request.labels, &request.confidence,
            &request.entropy, &request.planes, &request.probabilities, &request.area,
            &request.rule, &request.threads, &request.level)) {
        return nullptr;
    }
    return guarded([&] { return answer(request); });
}

PyObject* confidence_at_pixels(PyObject*, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {"scores", "window",     "temperature", "labels",
                                  "where",  "confidence", "level",       nullptr};
    ConfidenceRequest request;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O(nnnn)dOOOz",
                                     const_cast<char**>(names), &request.scores, &request.top,
                                     &request.left, &request.height, &request.width,
                                     &request.temperature, &request.labels, &request.where,
                                     &request.confidence, &request.level)) {
        return nullptr;
    }
    return guarded([&] { return answer(request); });
}

}  // namespace seg
