# SPDX-License-Identifier: Apache-2.0
"""The kernels without any intrinsics, as a processor that is no x86-64 gets them."""

from __future__ import annotations

import ctypes
from pathlib import Path
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    import numpy.typing as npt

NATIVE = Path(__file__).parents[2] / 'seg_node' / 'native'
COMPILER = shutil.which('g++')
PORTABLE = '-U__SSE2__'
COUNT = 4096  # a multiple of the four pixels of a vector
# Gives the function of post-processing that differs between processors to the outside.
ENTRY = """
#include "postprocess_baseline.cpp"
extern "C" void store(const float* from, uint8_t* to, size_t count) {
    for (size_t i = 0; i < count; i += Float4::width) store_bytes(Float4::load(from + i), to + i);
}
"""
# Fitting with the kernel of the baseline alone.
FIT_ENTRY = """
#include "fitting.cpp"
#include "fitting_baseline.cpp"
namespace seg {
void expect_level(const char*) {}
void fit_rows_avx2(const FitJob&) {}
}
extern "C" void fit_into(const uint8_t* image, size_t rows, size_t columns, float* levels,
                         size_t height, size_t width) {
    const seg::FitPlan plan = seg::plan_fit(rows, columns, height, width);
    const auto step = static_cast<ptrdiff_t>(3 * columns);
    seg::fit(plan, {image, step}, {levels, width, height * width}, "baseline");
}
"""

pytestmark = pytest.mark.skipif(
    COMPILER is None or not NATIVE.exists(), reason='no compiler, or no source tree'
)


def compile_(*arguments: str) -> None:
    """Run the compiler with the language and the folder of the sources."""
    words = [str(COMPILER), '-std=c++17', f'-I{NATIVE}', *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def stored(folder: Path, name: str, *flags: str) -> npt.NDArray[np.uint8]:
    """Return the bytes that a build makes of values within and beyond 0..255."""
    source, library = folder / f'{name}.cpp', folder / f'{name}.so'
    source.write_text(ENTRY, encoding='utf-8')
    compile_('-O1', '-fPIC', '-shared', '-Wl,-z,lazy', *flags, str(source), '-o', str(library))
    halves = np.arange(-1024, 1024) / 4  # the middles between two bytes among them
    rest = np.random.default_rng(0).uniform(-1e4, 1e4, COUNT - len(halves))
    values = np.concatenate([halves, rest]).astype(np.float32)
    found = np.empty(COUNT, np.uint8)
    ctypes.CDLL(str(library)).store(
        values.ctypes.data_as(ctypes.c_void_p),
        found.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_size_t(COUNT),
    )
    np.testing.assert_array_equal(found, np.clip(np.rint(values), 0, 255))
    return found


def fitted(folder: Path, name: str, *flags: str) -> list[npt.NDArray[np.float32]]:
    """Return what a build makes of an image, (3, height, width) each."""
    source, library = folder / f'{name}.cpp', folder / f'{name}.so'
    source.write_text(FIT_ENTRY, encoding='utf-8')
    compile_('-O1', '-fPIC', '-shared', *flags, str(source), '-o', str(library))
    image = np.random.default_rng(0).integers(0, 256, (45, 77, 3), np.uint8)
    results = []
    for height, width in [(12, 20), (45, 77), (100, 131)]:
        levels = np.full((3, height, width), np.nan, np.float32)
        sizes = [ctypes.c_size_t(length) for length in (45, 77, height, width)]
        ctypes.CDLL(str(library)).fit_into(
            image.ctypes.data_as(ctypes.c_void_p),
            *sizes[:2],
            levels.ctypes.data_as(ctypes.c_void_p),
            *sizes[2:],
        )
        results.append(levels)
    np.testing.assert_array_equal(results[1], image.transpose(2, 0, 1))
    return results


@pytest.mark.parametrize(
    'file', ['postprocess_baseline.cpp', 'fitting_baseline.cpp', 'level_baseline.cpp']
)
def test_kernels_compile_without_intrinsics(file: str) -> None:
    compile_('-fsyntax-only', PORTABLE, str(NATIVE / file))


def test_portable_rounding_to_bytes_is_that_of_the_intrinsics(tmp_path: Path) -> None:
    portable = stored(tmp_path, 'portable', PORTABLE)

    np.testing.assert_array_equal(stored(tmp_path, 'usual'), portable)


def test_portable_fitting_is_that_of_the_intrinsics(tmp_path: Path) -> None:
    portable = fitted(tmp_path, 'portable_fit', PORTABLE)

    for one, other in zip(fitted(tmp_path, 'usual_fit'), portable, strict=True):
        np.testing.assert_array_equal(one, other)
