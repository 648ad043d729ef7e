# SPDX-License-Identifier: Apache-2.0
"""Frames that get lost, and masks that are not what they should be: none of either.

Camera, node and listener are three processes; images go best effort with the shipped profile.

(a) ``--camvid DIR``: the 101 consecutive frames of CamVid val at 15 Hz. Every mask must be
    byte-identical to the offline ``Segmenter`` with the same engine and threads.
(b) fake engine: 1920 x 1080 at 30 Hz for ``--seconds``; none may be lost.
(c) the bundle at 1280 x 720: its highest rate is measured, then 0.7 times that rate is sent for
    ``--seconds``; none may be lost.

A mask is lost if its frame was sent and the mask did not arrive, for whatever reason; a mask under
a changed header counts as wrong.

    python benchmarks/bench_transport.py --camvid DIR --check
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
import sys
import tempfile
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from camera_process import number_of
from measuring.machine import machine
from measuring.node.running import camera, listening, running_node
from seg_node.bundle import open_bundle
from seg_node.engines.registry import open_engine
from seg_node.pipeline import Outputs, Segmenter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from sensor_msgs.msg import Image

    UInt8Array = npt.NDArray[np.uint8]

CAMVID_HZ = 15.0
FAKE_HZ = 30.0
FAST_HZ = 60.0
SHARE = 0.7
WARM_UP_S = 8.0
SILENCE_S = 3.0
MASK_ONLY = Outputs(confidence=False, entropy=False, drivable_area=False)


@dataclass(slots=True)
class Run:
    """What came back from one run.

    Attributes:
        name: Of the part.
        rate: At which frames were sent [Hz].
        sent: Frames.
        received: Masks.
        equal: Masks that equal the offline one, under the right header.
        lost: Frames without a mask.
        span: From the first mask to the last [s].
        node: What the node counted.
    """

    name: str
    rate: float
    sent: int
    received: int = 0
    equal: int = 0
    lost: int = 0
    span: float = 0.0
    node: dict[str, str] = field(default_factory=dict)

    @property
    def perfect(self) -> bool:
        """Whether nothing was lost or wrong."""
        return self.lost == 0 and self.equal == self.sent == self.received

    @property
    def mask_rate(self) -> float:
        """Masks per second."""
        return (self.received - 1) / self.span if self.span else 0.0


class Comparison:
    """Compares masks with the offline ones as they come."""

    def __init__(self, expected: Sequence[UInt8Array]) -> None:
        """Remember the masks of the frames, in the order of the camera's pictures."""
        self.expected = expected
        self.numbers: set[int] = set()
        self.received = self.equal = 0
        self.moments: list[float] = []

    def __call__(self, message: Image) -> None:
        """Compare one."""
        self.moments.append(time.monotonic())
        self.received += 1
        number = number_of(message.header)
        if number < 0 or number in self.numbers:
            return
        self.numbers.add(number)
        want = self.expected[number % len(self.expected)]
        pixels = np.frombuffer(message.data, np.uint8)
        same_size = (message.height, message.width) == want.shape
        self.equal += int(same_size and np.array_equal(pixels, want.reshape(-1)))


def play(
    name: str, frames: UInt8Array, rate: float, count: int, parameters: dict[str, object]
) -> Run:
    """Send frames to a fresh node and compare what comes back."""
    comparison = Comparison(offline_masks(frames, parameters))
    run = Run(name, rate, count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'frames.npy'
        np.save(file, frames)
        with listening(comparison) as listener, running_node(parameters):
            listener.wait_until_heard()
            assert camera(str(file), rate, count).wait() == 0, 'the camera process failed'
            listener.last = time.monotonic()
            listener.wait_for_silence(SILENCE_S)
            run.node = listener.figures
    run.received, run.equal = comparison.received, comparison.equal
    run.lost = count - len(comparison.numbers)
    if comparison.moments:
        run.span = comparison.moments[-1] - comparison.moments[0]
    return run


def offline_masks(frames: UInt8Array, parameters: dict[str, object]) -> list[UInt8Array]:
    """Return the mask of each frame from the offline segmenter."""
    cv2.setNumThreads(1)  # the node's default
    bundle = open_bundle(str(parameters['bundle']))
    threads = int(str(parameters['threads']))
    name, precision = str(parameters['engine']), str(parameters['precision'])
    engine = open_engine(name, bundle, threads=threads, precision=precision)
    with Segmenter(engine) as segmenter:
        return [segmenter(frame, MASK_ONLY).labels for frame in frames]


def camvid_frames(folder: Path) -> UInt8Array:
    """Return the consecutive frames of CamVid val: (101, 360, 480, 3) RGB."""
    files = sorted((folder / 'images' / 'val').glob('*.jpg'))
    assert files, f'there are no images in {folder}/images/val'
    pictures = [cv2.imread(str(file)) for file in files]
    return np.stack([picture[:, :, ::-1] for picture in pictures if picture is not None])


def smooth_frames(size: tuple[int, int], count: int = 4) -> UInt8Array:
    """Return different pictures with soft structures, from a seed."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, size[0] // 40, size[1] // 40, 3), np.uint8)
    return np.stack([cv2.resize(one, size[::-1]) for one in coarse]).astype(np.uint8)


def measure(args: argparse.Namespace) -> list[Run]:
    """Run the parts that were asked for."""
    common: dict[str, object] = {
        'bundle': args.bundle,
        'threads': args.threads,
        'precision': 'fp32',  # auto is chosen by time, so two processes may choose differently
    }
    real: dict[str, object] = {**common, 'engine': args.engine}
    runs = []
    if args.camvid and 'a' in args.parts:
        frames = camvid_frames(args.camvid)
        runs.append(play('a: CamVid val', frames, CAMVID_HZ, len(frames), real))
    if 'b' in args.parts:
        count = int(args.seconds * FAKE_HZ)
        fake: dict[str, object] = {**common, 'engine': 'fake'}
        runs.append(
            play('b: fake engine, 1080p', smooth_frames((1080, 1920)), FAKE_HZ, count, fake)
        )
    if 'c' in args.parts:
        frames = smooth_frames((720, 1280))
        fastest = play('c: overload, 720p', frames, FAST_HZ, int(WARM_UP_S * FAST_HZ), real)
        rate = SHARE * fastest.mask_rate
        runs.append(fastest)
        runs.append(play(f'c: {SHARE} x rate, 720p', frames, rate, int(args.seconds * rate), real))
    return runs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--camvid', type=Path, help='folder with images/val/*.jpg')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--engine', default='onnxruntime')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--seconds', type=float, default=60.0, help='length of (b) and (c)')
    parser.add_argument('--parts', default='abc', help='for example ab')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a mask is lost or wrong')
    args = parser.parse_args(argv)
    runs = measure(args)
    result = {
        'benchmark': 'transport',
        'bundle': open_bundle(args.bundle).digest,
        'runs': [{**asdict(run), 'mask_rate': run.mask_rate} for run in runs],
        'machine': machine(),
    }
    report(runs, result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    required = [run for run in runs if 'overload' not in run.name]
    return int(args.check and not all(run.perfect for run in required))


def report(runs: Sequence[Run], result: dict[str, Any]) -> None:
    """Print the result for people."""
    print(f'{"part":24s} {"sent":>6s} {"Hz":>6s} {"masks":>6s} {"equal":>6s} {"lost":>5s} masks/s')
    for run in runs:
        print(
            f'{run.name:24s} {run.sent:6d} {run.rate:6.1f} {run.received:6d} {run.equal:6d} '
            f'{run.lost:5d} {run.mask_rate:7.1f}'
        )
        drops = {key: one for key, one in run.node.items() if key.startswith('dropped_')}
        if drops:
            print(' ' * 25 + f'the node received {run.node.get("received")} and counted {drops}')
    print(f'bundle {result["bundle"]}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
