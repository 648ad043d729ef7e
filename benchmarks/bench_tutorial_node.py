# SPDX-License-Identifier: Apache-2.0
"""Frame rate of our node against the node a user writes from tutorials, same network.

Both nodes live in one process, camera and consumer in another, and get the same 1280 x 720 frames
over the same middleware: eight that are spread over the split ``val`` of ``--data``, cut to this
shape and enlarged, or of a procedural drive. First the labels of both are compared, then the nodes
take turns frame by frame. A frame's time is that from publishing it until every watched
output has been received. Measured twice: with the label map, the drivable area and the confidence
of each class watched (all that the tutorial's node publishes), and with the first two alone, which
is what a planner watches. Ours computes what is watched, the tutorial's node everything.

    python benchmarks/bench_tutorial_node.py --check

With ``--crf`` both refine their labels with a dense CRF of the same, classic parameters, the
tutorial's node with pydensecrf: first on every frame; then ours only on frames that its gate finds
uncertain. All outputs are watched. That is done with the bundle as it is, and with its network
exported for 1232 x 688, which takes five times the work. Each side has two threads, as our node
has by itself, if ``--threads`` does not say otherwise (pydensecrf has one whatever it says), and
the frames are those of CamVid where SEG_NODE_CAMVID names its folder.

    python benchmarks/bench_tutorial_node.py --crf --data camvid:/data/camvid --check
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

from measuring.larger_network import at_size, filled_network, giga_macs
from measuring.machine import machine
from measuring.node.frames import PROCEDURAL
from measuring.node.side_by_side import compare, Course
from seg_node.bundle import open_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seg_node.bundle import Bundle

BAR = 1.7
CRF_BARS = {'as it is': 9.0, 'of 12 GMAC': 5.0}
LARGER = (688, 1232)
CRF_ON = {'crf.enabled': True, 'crf.preset': 'classic'}
ALWAYS = {'crf.min_uncertain_fraction': 0.0}
EQUAL_REFINED = 0.993
"""What ``bench_crf.py`` demands of the mode ``balanced``."""


def measure(bundle: Bundle, course: Course) -> dict[str, Any]:
    """Measure with all outputs watched and with two."""
    return {
        'watched': {
            'all': compare(bundle, course, planes=True),
            'mask and drivable area': compare(bundle, course, planes=False),
        },
        **course.to_dict(),
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
    }


def measure_crf(bundle: Bundle, course: Course) -> dict[str, Any]:
    """Measure with the dense CRF on every frame, and with ours gated."""
    with TemporaryDirectory() as folder:
        bundles = {
            'as it is': bundle,
            'of 12 GMAC': at_size(bundle, LARGER, Path(folder) / 'larger'),
        }
        networks = {name: crf_of(one, course) for name, one in bundles.items()}
    return {
        'networks': networks,
        **course.to_dict(),
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
    }


def crf_of(bundle: Bundle, course: Course) -> dict[str, Any]:
    """Measure one network with the dense CRF."""
    spec = bundle.manifest.input
    gated = {**CRF_ON, 'crf.threads': course.threads}
    always = {**gated, **ALWAYS}
    return {
        'network_gmac': giga_macs(filled_network(bundle), (spec.height, spec.width)),
        'crf on every frame': compare(
            bundle, course, planes=True, crf=always, least_equal=EQUAL_REFINED
        ),
        # frames that are left out keep their labels, so any share may be equal
        'gated': compare(bundle, course, planes=True, crf=gated, least_equal=0.0),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and judge with ``--check``."""
    args = parse(argv)
    what = measure_crf if args.crf else measure
    result = what(open_bundle(args.bundle), course_of(args))
    print(json.dumps(result, indent=2))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return int(args.check and not bars_met(result))


def course_of(args: argparse.Namespace) -> Course:
    """Return what was asked for; the bars of the CRF are for real frames and one thread."""
    camvid = os.environ.get('SEG_NODE_CAMVID') if args.crf else None
    data = args.data or (f'camvid:{camvid}' if camvid else PROCEDURAL)
    return Course(data, args.rounds or (2 if args.crf else 5), args.threads)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--data', help='for example camvid:/data/camvid')
    parser.add_argument('--rounds', type=int, help='for each frame; 5, or 2 with the CRF')
    parser.add_argument('--threads', type=int, default=2, help='of both sides')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--crf', action='store_true', help='with the dense CRF in both nodes')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    return parser.parse_args(argv)


def bars_met(result: Mapping[str, Any]) -> bool:
    """Print each bar that is missed, and return whether there is none."""
    if 'watched' in result:
        found = {f'{name} watched': (one['ratio'], BAR) for name, one in result['watched'].items()}
    else:
        found = {
            f'CRF on every frame, network {name}': (one['crf on every frame']['ratio'], bar)
            for (name, bar), one in zip(CRF_BARS.items(), result['networks'].values(), strict=True)
        }
    missed = {what: pair for what, pair in found.items() if pair[0] < pair[1]}
    for what, (ratio, bar) in missed.items():
        print(f'MISSED {what}: {ratio:.2f} (bar {bar})')
    return not missed


if __name__ == '__main__':
    sys.exit(main())
