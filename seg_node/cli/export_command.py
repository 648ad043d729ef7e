# SPDX-License-Identifier: Apache-2.0
"""``seg export``: a training run to a bundle."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Turn the weights of a training run into a bundle.'

EPILOG = """\
examples:
  seg export runs/default my_bundle
  seg export runs/default my_bundle paths.camvid=/data/camvid
  seg export runs/default my_bundle --weights best
  seg export runs/final my_bundle --quality pooled.json

With --quality nothing is measured: temperature, figures and drivable threshold are those of models
of the same recipe on images that each of them never saw, as seg pool put them together.

Works while the run is still being trained: its last complete epoch is exported, or with --weights
best that of the highest mean IoU on the held-out images; its figures on these very images are a
little too good. A network that ONNX Runtime does not reproduce on real images is not written.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.add_argument(
        'run_folder', metavar='RUN', type=Path, help='folder of seg train, e.g. runs/default'
    )
    parser.add_argument('bundle', metavar='BUNDLE', type=Path, help='where the bundle goes')
    parser.add_argument(
        '--weights',
        choices=('last', 'best'),
        default='last',
        help='of the last complete epoch, or of the best one on held-out images (default: last)',
    )
    parser.add_argument(
        '--quality',
        metavar='POOLED.json',
        type=Path,
        help='take temperature and figures from seg pool instead of measuring',
    )
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='changes, e.g. paths.camvid=/data/camvid'
    )


def run(args: argparse.Namespace) -> int:
    """Export; torch is imported only now."""
    from seg_node.training.finish import (  # noqa: PLC0415 - torch is slow to load
        finish,
        load_best,
        load_run,
    )

    load = load_best if args.weights == 'best' else load_run
    loaded = load(args.run_folder, args.overrides)
    bundle = finish(loaded, args.run_folder, args.bundle, quality=args.quality)
    parity = bundle.manifest.quality['export']
    print(
        f'torch and ONNX Runtime agree on {100 * parity["equal_labels"]:.4f} % of labels of '
        f'{parity["images"]} images; scores differ by {parity["largest_difference"]:.2g} at most',
        file=sys.stderr,
    )
    print(bundle.path)
    return 0
