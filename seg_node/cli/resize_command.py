# SPDX-License-Identifier: Apache-2.0
"""``seg resize``: the weights of a bundle for another size of the input."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.bundle import check_target, open_bundle
from seg_node.cli.arguments import network_size
from seg_node.datasets import open_dataset
from seg_node.imaging import Fitter

if TYPE_CHECKING:
    import argparse

    import numpy as np
    import numpy.typing as npt

    from seg_node.imaging import InputSpec

__all__ = ['SUMMARY', 'configure', 'drawn_scenes', 'run']

SUMMARY = 'Export the weights of a bundle for another size of the input, or with coarser scores.'
EPILOG = """\
A smaller input is faster and sees less. What that costs on your images, seg evaluate says; for the
bundle that comes with the package see docs/cpu.md. Temperature, drivable threshold and CRF preset
stay those of the original. Networks in integers are made anew with seg quantize.

examples:
  seg resize default small --size 240x320
  seg resize default coarse --stride 4
  seg resize my_bundle wide --size 288x512 --stride 4
"""
IMAGES = 4
SCENES = f'procedural:{IMAGES}'


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bundle', metavar='BUNDLE', help='name of a shipped bundle, or a folder')
    parser.add_argument('target', metavar='TARGET', type=Path, help='where the new bundle goes')
    parser.add_argument(
        '--size',
        metavar='HxW',
        type=network_size,
        help="height and width of the input [px], multiples of 4 (default: the bundle's)",
    )
    parser.add_argument(
        '--stride',
        type=int,
        choices=(1, 2, 4),
        help="input pixels per score, not finer than the network's (default: the bundle's)",
    )


def run(args: argparse.Namespace) -> int:
    """Resize; torch is imported only now."""
    from seg_node.model.resize import resize_bundle  # noqa: PLC0415 - torch is slow to load

    check_target(args.target)
    bundle = open_bundle(args.bundle)
    made = resize_bundle(bundle, args.target, drawn_scenes, size=args.size, stride=args.stride)
    parity = made.manifest.quality['export']
    print(
        f'torch and ONNX Runtime agree on {100 * parity["equal_labels"]:.4f} % of labels of '
        f'{parity["images"]} procedural scenes',
        file=sys.stderr,
    )
    print(made.path)
    return 0


def drawn_scenes(spec: InputSpec) -> list[npt.NDArray[np.float32]]:
    """Return drawn streets for an input, which every machine has."""
    fit = Fitter(spec)
    scenes = open_dataset(SCENES, 'val', 'cityscapes19')
    return [fit(scenes[index].image)[0].copy() for index in range(len(scenes))]
