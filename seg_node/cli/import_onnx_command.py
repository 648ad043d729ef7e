# SPDX-License-Identifier: Apache-2.0
"""``seg import-onnx``: a network from elsewhere to a bundle."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
import sys

from seg_node.cli.arguments import network_size
from seg_node.errors import ParameterError
from seg_node.taxonomy import load_taxonomy

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Turn any ONNX network of shape (N, 3, H, W) -> (N, K, h, w) into a bundle.'
EPILOG = """\
Mean and standard deviation are given in the order red, green, blue, whatever order the network
wants. They become part of the bundle's network, which takes levels of 0 to 255. A network that
ends in a softmax or gives coarse scores is mended; one that ends in an argmax is refused, but
--output can name the tensor before it.

examples:
  seg import-onnx city.onnx my_bundle --taxonomy cityscapes19 --size 512x1024 \\
      --mean 123.675,116.28,103.53 --std 58.395,57.12,57.375
  seg import-onnx city.onnx my_bundle --taxonomy ./classes.yaml \\
      --scale 1/255 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  seg import-onnx caffe.onnx my_bundle --taxonomy camvid11 --mean 123,117,104 --std 1,1,1 --bgr
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    parser.add_argument('model', metavar='MODEL.onnx', type=Path, help='the network')
    parser.add_argument('target', metavar='BUNDLE', type=Path, help='where the bundle goes')
    parser.add_argument(
        '--taxonomy',
        metavar='NAME',
        required=True,
        help='its classes in the order of its score planes: a name or a YAML file',
    )
    parser.add_argument(
        '--mean', metavar='R,G,B', type=_triple, required=True, help='subtracted from the levels'
    )
    parser.add_argument(
        '--std', metavar='R,G,B', type=_triple, required=True, help='divides them afterwards'
    )
    parser.add_argument(
        '--scale',
        metavar='FACTOR',
        type=_factor,
        default=Fraction(1),
        help='multiplies the levels of 0 to 255 first, for example 1/255 (default: 1)',
    )
    parser.add_argument(
        '--bgr', action='store_true', help='the network wants blue first (default: red first)'
    )
    parser.add_argument(
        '--size',
        metavar='HxW',
        type=network_size,
        help='height and width of its input, where the file leaves them open',
    )
    parser.add_argument(
        '--fit',
        choices=('letterbox', 'stretch'),
        default='letterbox',
        help='how images are fitted to that size (default: letterbox)',
    )
    parser.add_argument(
        '--output', metavar='NAME', default='', help='tensor with the scores, if not the only one'
    )
    parser.add_argument('--name', help='name of the bundle (default: that of the folder)')
    parser.add_argument(
        '--licence', metavar='TEXT', default='not stated', help='terms of the weights'
    )
    parser.add_argument(
        '--data-licence', metavar='TEXT', default='not stated', help='terms of the training data'
    )
    parser.add_argument('--notes', default='', help='a remark for the model card')


def run(args: argparse.Namespace) -> int:
    """Import, and say what was found."""
    from seg_node.bundle.import_onnx import import_onnx, Source  # noqa: PLC0415 - not all have onnx

    if not args.model.is_file():
        msg = f'There is no file {str(args.model)!r}; give the path of an ONNX network.'
        raise ParameterError(msg)
    factor = float(args.scale)
    red, green, blue = (value / factor for value in args.mean)
    std_red, std_green, std_blue = (value / factor for value in args.std)
    source = Source(
        path=args.model,
        taxonomy=load_taxonomy(args.taxonomy),
        mean=(red, green, blue),
        std=(std_red, std_green, std_blue),
        size=args.size,
        fit=args.fit,
        bgr=args.bgr,
        output=args.output,
        name=args.name or args.target.resolve().name,
        licence={'weights': args.licence, 'data': args.data_licence},
        notes=args.notes,
    )
    imported = import_onnx(source, args.target)
    for note in imported.notes:
        print(note, file=sys.stderr)
    print(imported.bundle.path)
    return 0


def _triple(text: str) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(one) for one in text.split(','))
    except ValueError as err:
        msg = f'expected three numbers R,G,B, not {text!r}'
        raise argparse.ArgumentTypeError(msg) from err
    return red, green, blue


def _factor(text: str) -> Fraction:
    try:
        factor = Fraction(text)
    except (ValueError, ZeroDivisionError) as err:
        msg = f'expected a number such as 1/255, not {text!r}'
        raise argparse.ArgumentTypeError(msg) from err
    if factor <= 0:
        msg = f'expected a positive number, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return factor
