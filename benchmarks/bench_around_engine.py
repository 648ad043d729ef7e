# SPDX-License-Identifier: Apache-2.0
"""Cost of everything around the engine: ours against the same work in plain numpy.

Both sides fit a 1280 x 720 image to the network (letterbox, float32, planes), scale the scores of
19 classes to the image, and return labels, confidence and entropy as bytes. First both results
are compared, then rounds alternate in this process, each side on one thread.

The numpy side is what tutorials do, in float32, and with the cheapest exact way of scaling that
we know for it: one ``cv2.resize`` per class, not numpy indexing.

    python benchmarks/bench_around_engine.py --check
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from machine import machine
from seg_node.imaging import finish, Fitter, InputSpec, place
from seg_node.ros.transport import keep_large_blocks
from timing import alternate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.imaging import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    Maps = tuple[UInt8Array, UInt8Array, UInt8Array]

BAR = 0.2
SIZE = (720, 1280)
SPEC = InputSpec(360, 480, 'letterbox', (123.7, 116.3, 103.5), (58.4, 57.1, 57.4))
CLASSES = 19
STRIDE = 2
EQUAL_LABELS = 0.9999
"""Scores are rounded in another order; a pixel on a border of classes may fall either way."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--rounds', type=int, default=25)
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help=f'fail if the ratio exceeds {BAR}')
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    keep_large_blocks()  # as the node does; it speeds up both sides
    result = measure(args.rounds)
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    # Neighbours on a busy machine lengthen some rounds, never shorten one.
    return int(args.check and min(result['ratio'], result['ratio_cpu_best']) > BAR)


def measure(rounds: int) -> dict[str, Any]:
    """Compare both sides, then time them."""
    image, scores = scene()
    fitter = Fitter(SPEC)
    placement = place(SIZE, SPEC)

    def ours() -> tuple[Float32Array, Maps]:
        batch, placed = fitter(image)
        maps = finish(scores, placed)
        assert maps.confidence is not None
        assert maps.entropy is not None
        return batch, (maps.labels, maps.confidence, maps.entropy)

    def numpy_only() -> tuple[Float32Array, Maps]:
        return plain_fit(image, placement), plain_finish(scores, placement)

    equality = compare(ours(), numpy_only())
    samples = alternate({'seg_node': ours, 'numpy': numpy_only}, rounds)
    times = {name: sample.to_dict() for name, sample in samples.items()}
    return {
        'benchmark': 'around_engine',
        'image': SIZE,
        'scores': scores.shape,
        'threads': 1,
        'rounds': rounds,
        'equality': equality,
        'times': times,
        'ratio': times['seg_node']['median_ms'] / times['numpy']['median_ms'],
        'ratio_cpu_best': times['seg_node']['cpu_best_ms'] / times['numpy']['cpu_best_ms'],
        'bar': BAR,
        'machine': machine(),
    }


def scene() -> tuple[UInt8Array, Float32Array]:
    """Return an image and smooth scores for it, as a network gives them; both from a seed."""
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (*SIZE, 3), np.uint8), (0, 0), 3)
    height, width = SPEC.height // STRIDE, SPEC.width // STRIDE
    coarse = rng.normal(0, 4, (CLASSES, height // 8, width // 8)).astype(np.float32)
    planes = [cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in coarse]
    return np.asarray(image, np.uint8), np.stack(planes).astype(np.float32)


def plain_fit(image: UInt8Array, placement: Placement) -> Float32Array:
    """Fit an image to the network as a tutorial does."""
    resized = cv2.resize(image, (placement.width, placement.height)).astype(np.float32)
    batch = np.empty((1, 3, *placement.network_size), np.float32)
    batch[0] = np.array(SPEC.mean)[:, None, None]
    rows = slice(placement.top, placement.top + placement.height)
    columns = slice(placement.left, placement.left + placement.width)
    batch[0, :, rows, columns] = resized.transpose(2, 0, 1)
    return batch


def plain_finish(scores: Float32Array, placement: Placement) -> Maps:
    """Scale the scores, then softmax, argmax and entropy, each over the whole image."""
    height, width = placement.image_size
    crop = placement.crop(scores)
    scaled = np.stack([cv2.resize(plane, (width, height)) for plane in crop])
    powers = np.exp(scaled - scaled.max(axis=0))
    softmax = powers / powers.sum(axis=0)
    entropy = -(softmax * np.log(softmax + 1e-12)).sum(axis=0) / np.log(len(scores))
    labels = softmax.argmax(axis=0).astype(np.uint8)
    confidence = np.rint(255 * softmax.max(axis=0)).astype(np.uint8)
    return labels, confidence, np.rint(255 * entropy).astype(np.uint8)


def compare(ours: tuple[Float32Array, Maps], plain: tuple[Float32Array, Maps]) -> dict[str, Any]:
    """Return how far the results are apart; fail if that is more than rounding."""
    equal = float(np.mean(ours[1][0] == plain[1][0]))
    apart = [
        int(np.abs(one.astype(int) - other).max())
        for one, other in zip(ours[1][1:], plain[1][1:], strict=True)
    ]
    np.testing.assert_array_equal(ours[0], plain[0])
    assert equal >= EQUAL_LABELS, f'only {equal:.4%} of the labels agree'
    assert max(apart) <= 1, f'confidence or entropy differ by {max(apart)} of 255'
    return {'labels': equal, 'confidence_levels': apart[0], 'entropy_levels': apart[1]}


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    equality = result['equality']
    print(
        f'labels equal: {equality["labels"]:.4%}; largest difference of 255 levels: '
        f'confidence {equality["confidence_levels"]}, entropy {equality["entropy_levels"]}'
    )
    for name, times in result['times'].items():
        figures = ', '.join(f'{key[:-3]} {value:.1f}' for key, value in times.items())
        print(f'{name:8s} [ms]: {figures}')
    print(
        f'ratio: {result["ratio"]:.3f} of the medians by the clock, '
        f'{result["ratio_cpu_best"]:.3f} of the best processor times (bar {BAR})'
    )
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
