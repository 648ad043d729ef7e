# SPDX-License-Identifier: Apache-2.0
"""``seg demo``: watch the node at work."""

from __future__ import annotations

import argparse
from pathlib import Path

from seg_node.cli.arguments import image_size
from seg_node.demo import DemoOptions, run_demo, table

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Run the node on a made-up drive, or on your own images, and see what comes out.'
EXAMPLES = """\
examples:
  seg demo
  seg demo --input drive.mp4 --out drive_out
  seg demo --input my_images/ --frames 20
  seg demo --input my_rosbag2/ --topic /front/image_raw
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    usual = DemoOptions(Path('demo_out'))
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add('--out', type=Path, default=usual.out, metavar='FOLDER', help='for the results (demo_out)')
    add(
        '--input',
        type=Path,
        metavar='PATH',
        help='video file, folder of images, or recording (rosbag2 folder, .mcap, .db3); '
        'without it a made-up drive with exact labels',
    )
    add('--topic', help='camera topic of a recording, where it has several')
    add(
        '--frames',
        type=count,
        default=usual.frames,
        metavar='N',
        help=f'play at most so many ({usual.frames})',
    )
    add(
        '--rate',
        type=rate,
        default=usual.rate,
        metavar='HZ',
        help=f'play so many per second ({usual.drive_rate:g}, or what this machine keeps up with)',
    )
    add('--bundle', default=usual.bundle, help='name or folder of the model (default)')
    add('--engine', default=usual.engine, help='inference back end (auto)')
    add(
        '--crf',
        choices=('auto', 'on', 'off'),
        default=usual.crf,
        help='refine uncertain frames with the dense CRF (auto: where its native back end works)',
    )
    add('--seed', type=int, default=usual.seed, metavar='S', help='of the made-up drive (0)')
    add(
        '--size',
        type=image_size,
        default=usual.size,
        metavar='WIDTHxHEIGHT',
        help=f'of the made-up drive ({usual.size[1]}x{usual.size[0]})',
    )


def count(text: str) -> int:
    """Return a number of frames, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        msg = f'{text!r} is no number of frames; expected a whole number from 1'
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def rate(text: str) -> float:
    """Return a rate [Hz], above 0."""
    try:
        value = float(text)
    except ValueError:
        value = float('nan')
    if not 0 < value <= 1000:  # noqa: PLR2004  # also refuses NaN
        msg = f'{text!r} is no rate; expected a number of frames per second, for example 8'
        raise argparse.ArgumentTypeError(msg)
    return value


def run(args: argparse.Namespace) -> int:
    """Run the demo; print a table and where to look."""
    options = DemoOptions(
        out=args.out,
        input=args.input,
        topic=args.topic,
        frames=args.frames,
        rate=args.rate,
        bundle=args.bundle,
        engine=args.engine,
        crf=args.crf,
        seed=args.seed,
        size=args.size,
    )
    result = run_demo(options)
    print(f'\n{table(result.summary)}\n\nLook at:')
    width = max(len(str(file)) for file in result.files)
    for file, words in result.files.items():
        print(f'  {file!s:<{width}}  {words}')
    return 0
