# SPDX-License-Identifier: Apache-2.0
"""A part of the node, measured in a process of its own, without ROS.

``python -m seg_node.benchmark.inside pipeline --frames FOLDER`` runs the pictures of a folder,
``*.npy`` of (H, W, 3) uint8 RGB, through the network alone (``engine``) or from image to masks
(``pipeline``). It obeys the words ``for SECONDS`` and ``engine`` and answers with the events
``played`` and ``engine``, whose details are those of ``seg_node.ros.drives.traffic``. It goes away
when its parent does.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import cycle
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.bundle import open_bundle
from seg_node.engines.base import ScoreEngine, Wanted
from seg_node.engines.registry import open_engine
from seg_node.imaging import Fitter
from seg_node.pipeline import Outputs, Segmenter
from seg_node.ros.drives.parent import tell
from seg_node.ros.transport import keep_large_blocks

from .drive import fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from seg_node.engines.base import Engine

    UInt8Array = npt.NDArray[np.uint8]
    Call = Callable[[], object]

__all__ = ['main']

LABELS_ALONE = Wanted(confidence=False, entropy=False)
AS_WATCHED = Outputs(entropy=False)  # what options.OUTPUTS are made of


def engine_calls(engine: Engine, images: Sequence[UInt8Array]) -> Iterator[Call]:
    """Yield calls of the network with one frame each, for ever.

    An engine that has no network to call apart from the rest, as on a GPU, gets an image of the
    network's own size and gives labels.
    """
    spec = engine.bundle.manifest.input
    if not isinstance(engine, ScoreEngine):
        smaller = [fitted(image, (spec.height, spec.width)) for image in images]
        for image in cycle(smaller):
            yield partial(engine.segment, [image], LABELS_ALONE)
        return
    fitter = Fitter(spec)
    batches = [fitter(image)[0].copy() for image in images]
    for batch in cycle(batches):
        yield partial(engine.infer, batch)


def pipeline_calls(engine: Engine, images: Sequence[UInt8Array]) -> Iterator[Call]:
    """Yield calls of the node's segmenter with one frame each, for ever."""
    segmenter = Segmenter(engine)
    for image in cycle(images):
        yield partial(segmenter, image, AS_WATCHED)


def run_for(calls: Iterator[Call], seconds: float) -> dict[str, object]:
    """Call one after the other for a time, and return the details of the event ``played``."""
    latencies = []
    began, cpu = time.monotonic(), time.process_time()
    before = began
    while before < began + seconds:
        next(calls)()
        now = time.monotonic()
        latencies.append(now - before)
        before = now
    return {
        'sent': len(latencies),
        'answered': len(latencies),
        'span_s': before - began,
        'latencies_s': latencies,
        'late_s': 0.0,
        'cpu_s': time.process_time() - cpu,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the parent process and return the exit status."""
    parser = argparse.ArgumentParser(prog='inside', description='Measure a part of the node.')
    parser.add_argument('part', choices=('engine', 'pipeline'))
    parser.add_argument('--frames', type=Path, required=True, help='folder of *.npy RGB images')
    parser.add_argument('--bundle', required=True)
    parser.add_argument('--engine', required=True)
    parser.add_argument('--threads', type=int, required=True)
    parser.add_argument('--precision', required=True)
    args = parser.parse_args(argv)
    keep_large_blocks()  # as the node does
    cv2.setNumThreads(1)  # as the node does by default
    bundle = open_bundle(args.bundle)
    engine = open_engine(args.engine, bundle, threads=args.threads, precision=args.precision)
    with engine:
        images = [np.load(file) for file in sorted(args.frames.glob('*.npy'))]
        calls = (engine_calls if args.part == 'engine' else pipeline_calls)(engine, images)
        next(calls)()
        tell('ready')
        for line in sys.stdin:
            word, *numbers = line.split()
            if word == 'engine':
                tell('engine', **engine.described())
            else:
                tell('played', **run_for(calls, float(numbers[0])))
    return 0


if __name__ == '__main__':
    sys.exit(main())
