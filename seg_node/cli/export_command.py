# SPDX-License-Identifier: Apache-2.0
"""``seg export``: a training run to a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Turn the weights of a training run into a bundle.'

EPILOG = """\
examples:
  seg export runs/default my_bundle
  seg export runs/default my_bundle paths.camvid=/data/camvid

Works while the run is still being trained: its last complete epoch is exported. A network that
ONNX Runtime does not reproduce is not written.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument('run_folder', type=Path, help='folder of seg train, e.g. runs/default')
    parser.add_argument('bundle', type=Path, help='where the bundle goes')
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='changes, e.g. paths.camvid=/data/camvid'
    )


def run(args: argparse.Namespace) -> int:
    """Export; torch is imported only now."""
    from seg_node.training.finish import finish, load_run  # noqa: PLC0415 - torch is slow to load

    bundle = finish(load_run(args.run_folder, args.overrides), args.run_folder, args.bundle)
    print(bundle.path)
    return 0
