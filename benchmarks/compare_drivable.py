# SPDX-License-Identifier: Apache-2.0
"""What the settings of the drivable area gain and lose on consecutive frames with truth.

Every setting sees the same scores of the network and runs in the ``Segmenter`` of the node. For
each it prints how much of the road the area covers (recall), how much of the area is road
(precision), the share of people and vehicles that it covers, and how much of it comes and goes
from frame to frame, along the optical flow.

    python benchmarks/compare_drivable.py --data camvid:/data/camvid --bundle /path/to/bundle
"""

from __future__ import annotations

from dataclasses import replace
import json
import sys
from typing import Any, TYPE_CHECKING

from compare_smoothing import measure, NONE, parse
from seg_node.pipeline import SegmenterOptions, SmoothingOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAIN = SegmenterOptions()
SETTINGS = {
    NONE: PLAIN,
    'hysteresis 0.3': replace(PLAIN, drivable_hysteresis=0.3),
    'hysteresis 0.6': replace(PLAIN, drivable_hysteresis=0.6),
    'max_hole 0.0002': replace(PLAIN, drivable_max_hole=0.0002),
    'max_hole 0.001': replace(PLAIN, drivable_max_hole=0.001),
    'reachable': replace(PLAIN, drivable_reachable=True),
    'hysteresis 0.3, max_hole 0.0002, reachable': replace(
        PLAIN, drivable_hysteresis=0.3, drivable_max_hole=0.0002, drivable_reachable=True
    ),
    'smoothing by flow 0.5': replace(PLAIN, smoothing=SmoothingOptions('flow', 0.5)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and return the exit status."""
    args = parse(argv, __doc__)
    result = {'benchmark': 'compare_drivable', **measure(args, SETTINGS)}
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return 0


def report(result: Mapping[str, Any]) -> None:
    """Print the table of ``docs/drivable.md``."""
    print(f'{result["data"]}, {result["frames"]} frames at {result["rate_hz"]:g} Hz')
    print(f'bundle {result["bundle"]}\n')
    print(
        '| setting | recall % | precision % | people and vehicles covered % | comes and goes % |'
    )
    print('|---|---|---|---|---|')
    for name, one in result['settings'].items():
        print(
            f'| {name} | {one["drivable_recall"]:.2f} | {one["drivable_precision"]:.2f} '
            f'| {one["false_drivable"]:.3f} | {one["area_flicker"]:.2f} |'
        )


if __name__ == '__main__':
    sys.exit(main())
