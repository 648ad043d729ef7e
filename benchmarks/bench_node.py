# SPDX-License-Identifier: Apache-2.0
"""The node against the node a user writes from tutorials, and against bars of its own.

Frames are those of ``--data``, or of CamVid where SEG_NODE_CAMVID names its folder, else of a
procedural drive. One thread for each network. Nodes and their cameras are processes, but for
``rate``, where both nodes share one; rivals take turns in one run, a few frames each, every frame
sent when the last one was answered.

around    1920 x 1080, three outputs watched: processor time of the node's process per frame
          outside network and post-processing, at most a quarter of the tutorial node's. Our
          post-processing writes bytes; ours is charged with what the tutorial node takes to fill
          those of one image. A third node receives the same images and publishes three of that
          size, and does nothing else; of what is added to that, ours is to take at most a quarter
          as well, without filling in either; the ratio of all of it without filling is printed
lost      1920 x 1080 at 30 Hz for ``--seconds``, engine fake, three outputs: none lost, and the
          camera itself never late by more than a frame time
rate      1280 x 720, two outputs watched, the network of the bundle and one of 12 GMAC: frames per
          second against the tutorial's node, which has the same weights in torch; fp32 and, where
          the bundle has it, int8. A plain loop around ONNX Runtime beside it, not judged
planes    1280 x 720: what the confidence of all classes costs, against publishing 21 images alone;
          and what class topics cost that nobody watches
start     import of node and pipeline, start to active, memory

    python benchmarks/bench_node.py --check
    python benchmarks/bench_node.py --part planes start
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

import numpy as np

from measuring.machine import machine
from measuring.node.frames import PROCEDURAL, read_images
from measuring.node.parts import PARTS
from seg_node.bundle import open_bundle
from seg_node.processes import polite_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIZES = {'720p': (720, 1280), '1080p': (1080, 1920), 'small': (64, 96)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parts, print, and judge with ``--check``."""
    args = parse(argv)
    bundle = open_bundle(args.bundle)
    result: dict[str, Any] = {
        'benchmark': 'node',
        'frames': args.data.partition('/')[0].rstrip(':'),
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
        'parts': {},
        'bars': [],
    }
    with polite_signals(), TemporaryDirectory(prefix='bench_node_') as folder:
        args.folder = Path(folder)
        for name, size in SIZES.items():
            write_frames(args.data, size, args.folder / name)
        # In the table's order: ``rate`` sets DDS here, which ``around`` must not inherit.
        for name in (one for one in PARTS if one in args.part):
            print(f'-- {name}', flush=True)
            found, bars = PARTS[name](bundle, args)
            print(json.dumps(found, indent=2), flush=True)
            result['parts'][name] = found
            result['bars'] += [
                {'what': what, 'value': value, 'bar': bar, 'met': value <= bar}
                for what, value, bar in bars
            ]
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return int(args.check and not all(one['met'] for one in result['bars']))


def write_frames(data: str, size: tuple[int, int], folder: Path) -> None:
    """Write the frames of a size for the cameras."""
    folder.mkdir()
    for index, image in enumerate(read_images(data, size)):
        np.save(folder / f'{index:02d}.npy', image)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    camvid = os.environ.get('SEG_NODE_CAMVID')
    parser.add_argument('--part', nargs='+', choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--data', default=f'camvid:{camvid}' if camvid else PROCEDURAL)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=60.0, help='length of the part lost')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    return parser.parse_args(argv)


def report(result: Mapping[str, Any]) -> None:
    """Print the bars for people."""
    for bar in result['bars']:
        verdict = 'met' if bar['met'] else 'MISSED'
        print(f'{bar["what"]}: {bar["value"]:.4g}, at most {bar["bar"]:.4g}: {verdict}')
    print(f'frames {result["frames"]}; bundle {result["bundle"]}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
