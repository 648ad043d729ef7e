# SPDX-License-Identifier: Apache-2.0
"""What each setting of the drivable area does, and what the filters cost.

Drives through procedural streets with one setting at a time, draws the frame on which each changes
most, and times the filters on 1280 x 720 pixels.

    python benchmarks/drivable_pictures.py --out docs/images/drivable_settings.jpg
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np

from measuring.machine import machine
from measuring.timing import alternate
from seg_node.datasets.procedural import Drive
from seg_node.drawing import drivable_picture
from seg_node.drawing.sheet import Sheet, SheetRow
from seg_node.imaging import colorize
from seg_node.imaging.drivable import drivable_area, drivable_table
from seg_node.imaging.drivable_filters import ego_region, fill_holes, keep_reachable
from seg_node.pipeline import open_segmenter, SegmenterOptions
from seg_node.pipeline.drivable import DrivableStage, Evidence
from seg_node.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.pipeline import Segmentation

    UInt8Array = npt.NDArray[np.uint8]

SIZE = (720, 1280)
RATE_HZ = 15.0
LIMITS = SegmenterOptions()
STEPS = {
    'limits alone': LIMITS,
    'classes': replace(LIMITS, drivable_classes=('road', 'sidewalk')),
    'probability': replace(LIMITS, drivable_min_probability=0.98),
    'entropy': replace(LIMITS, drivable_max_entropy=0.1),
    'hysteresis': replace(LIMITS, drivable_hysteresis=0.3),
    'holes': replace(LIMITS, drivable_max_hole=0.0005),
    'reachable': replace(LIMITS, drivable_reachable=True),
}
PLAIN, *CHANGES = STEPS
WORDS = {
    'classes': 'and sidewalk',
    'probability': 'at least 0.98',
    'entropy': 'at most 0.1',
    'hysteresis': '0.3',
    'holes': 'up to 460 pixels',
    'reachable': 'from the region',
}
REMOVED, ADDED, EGO = (230, 60, 50), (255, 215, 40), (90, 160, 255)
JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Moment:
    """The frame on which a step changes most so far.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8.
        plain: (H, W) uint8, the area by the limits alone.
        area: (H, W) uint8, after the step.
    """

    image: UInt8Array
    labels: UInt8Array
    plain: UInt8Array
    area: UInt8Array

    @property
    def changed(self) -> int:
        """Number of pixels that the step changes."""
        return int(np.count_nonzero(self.plain != self.area))


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the page, print times, and return the exit status."""
    args = parse(argv)
    cv2.setNumThreads(1)
    with open_segmenter(args.bundle, 'onnxruntime') as segmenter:
        bundle = segmenter.engine.bundle
        moments: dict[str, Moment] = {}
        for seed in progress(args.seeds, what='drives', total=len(args.seeds), unit='drive'):
            stages = {name: DrivableStage(bundle.manifest) for name in STEPS}
            drive = Drive(args.frames, seed=seed, size=SIZE, rate=RATE_HZ)
            for index in range(len(drive)):
                sample = drive[index]
                result = segmenter(sample.image)
                areas = {
                    name: stages[name](evidence_of(result), options, index / RATE_HZ)
                    for name, options in STEPS.items()
                }
                for name in CHANGES:
                    found = Moment(sample.image, result.labels, areas[PLAIN], areas[name])
                    if name not in moments or found.changed > moments[name].changed:
                        moments[name] = found
    write(args.out, page(moments, bundle))
    report(moments['reachable'], drivable_table(bundle.manifest.taxonomy))
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--frames', type=int, default=12, help='of each drive')
    parser.add_argument('--out', type=Path, required=True, help='the picture, a JPEG')
    return parser.parse_args(argv)


def evidence_of(result: Segmentation) -> Evidence:
    """Return what the stage needs of a result."""
    return Evidence(result.labels, result.confidence, result.entropy)


def page(moments: Mapping[str, Moment], bundle: Bundle) -> UInt8Array:
    """Return the picture of all moments."""
    rows = [
        SheetRow(
            (name, WORDS[name]),
            (
                moment.image,
                colorize(moment.labels, bundle.manifest.taxonomy),
                with_ego_region(drivable_picture(moment.image, moment.plain)),
                with_ego_region(differences(moment)),
            ),
        )
        for name, moment in moments.items()
    ]
    return Sheet(
        title='Settings of the drivable area',
        subtitle=f'bundle {bundle.manifest.name} {bundle.digest}, procedural streets, frames on '
        'which each setting changes most',
        columns=('image', 'labels', 'by default', 'with the setting'),
        rows=rows,
        taxonomy=bundle.manifest.taxonomy,
        keys={'drivable': (64, 220, 120), 'removed': REMOVED, 'added': ADDED, 'ego region': EGO},
        keys_title='areas',
        tile_width=320,
    ).draw()


def differences(moment: Moment) -> UInt8Array:
    """Return the area after a step, with what it removed and added in other colours."""
    picture = drivable_picture(moment.image, moment.area)
    picture[(moment.plain > 0) & (moment.area == 0)] = REMOVED
    picture[(moment.plain == 0) & (moment.area > 0)] = ADDED
    return picture


def with_ego_region(picture: UInt8Array) -> UInt8Array:
    """Draw the border of the ego region."""
    height, width = picture.shape[:2]
    region = ego_region((height, width), LIMITS.drivable_ego_width, LIMITS.drivable_ego_height)
    inner = cv2.erode(region, np.ones((11, 11), np.uint8))
    picture[(region > 0) & (inner == 0)] = EGO
    return picture


def write(file: Path, picture: UInt8Array) -> None:
    """Write a JPEG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    coded = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(file), coded, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def report(moment: Moment, table: UInt8Array) -> None:
    """Time the steps on one frame and print the table."""
    sure = np.full_like(moment.labels, 255)
    region = ego_region(SIZE, LIMITS.drivable_ego_width, LIMITS.drivable_ego_height)
    named = np.asarray(cv2.LUT(moment.labels, table), np.uint8)
    largest = int(STEPS['holes'].drivable_max_hole * moment.plain.size)
    rivals = {
        'limits': lambda: drivable_area(
            moment.labels, sure, 255 - sure, table, min_probability=0.5, max_entropy=0.5
        ),
        'fill_holes': lambda: fill_holes(moment.plain.copy(), named, largest),
        'keep_reachable': lambda: keep_reachable(moment.plain.copy(), region),
    }
    print('| step at 1280 x 720 | ms, one thread |\n|---|---|')
    for name, sample in alternate(rivals, rounds=30).items():
        print(f'| `{name}` | {sample.to_dict()["cpu_median_ms"]:.1f} |')
    print(f'\n{machine()["processor"]}')


if __name__ == '__main__':
    sys.exit(main())
