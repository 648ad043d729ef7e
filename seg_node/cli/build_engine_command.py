# SPDX-License-Identifier: Apache-2.0
"""``seg build-engine``: a TensorRT engine, ahead of the first drive."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
import time
from typing import cast, TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.cli.arguments import at_least_one, image_size
from seg_node.engines.deployed_spec import DeployedSpec, PRECISIONS
from seg_node.engines.standby.build_bar import BuildBar
from seg_node.engines.tensorrt.builder import BuildOptions
from seg_node.engines.tensorrt.cuda_device import CudaDevice
from seg_node.engines.tensorrt.engine import TensorRTEngine
from seg_node.engines.tensorrt.engine_cache import EngineCache
from seg_node.engines.tensorrt.files import EngineFiles
from seg_node.engines.tensorrt.library import find_library, FLAVOURS
from seg_node.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from seg_node.bundle import Bundle
    from seg_node.engines.deployed_spec import Precision
    from seg_node.engines.tensorrt.cuda_device import DeviceInfo

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Build the TensorRT engine of a bundle for one camera size, and keep it for the node.'
EXAMPLES = """\
The node builds an engine by itself while a CPU serves its frames; with this command it is there
from the start. Run it on the machine that drives: an engine fits one GPU and one version of the
library (TensorRT for RTX: one version of the library; it is built without a GPU as well).
The path of the engine goes to stdout. An engine that is there already is not built again.

examples:
  seg build-engine default --size 1280x720
  seg build-engine my_bundle --size 1920x1080 --precision int8
  seg build-engine my_bundle --size 1280x720 --batch 1,4,4
  seg build-engine my_bundle --sizes 640x480,1280x720,1920x1080
"""
THREE = 3
MIB = 1 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument('bundle', metavar='BUNDLE', help='name of a shipped bundle, or a folder')
    sizes = parser.add_mutually_exclusive_group(required=True)
    sizes.add_argument(
        '--size', metavar='WIDTHxHEIGHT', type=image_size, help="of the camera's images"
    )
    sizes.add_argument(
        '--sizes',
        metavar='LEAST,USUAL,MOST',
        type=_three_sizes,
        help='one engine for all sizes in between, slower than one for a single size',
    )
    parser.add_argument(
        '--precision',
        choices=('auto', *PRECISIONS),
        default='auto',
        help='of the network (default: int8 if the bundle asks for it and has it, else fp16)',
    )
    parser.add_argument(
        '--batch',
        metavar='N or LEAST,USUAL,MOST',
        type=_batch,
        default=(1, 1, 1),
        help='images at once, one of each camera (default: 1)',
    )
    parser.add_argument(
        '--planes',
        metavar='CLASS,…',
        default='',
        help='classes whose probability the GPU computes (default: none; the others are computed '
        'from the scores by the processor)',
    )
    parser.add_argument(
        '--no-scores',
        action='store_true',
        help='leave out the scores, which a dense CRF and other planes need',
    )
    parser.add_argument(
        '--workspace',
        metavar='MIB',
        type=at_least_one,
        help='most memory of the GPU that a layer may use (default: all)',
    )
    parser.add_argument(
        '--library', choices=tuple(FLAVOURS), help='which one builds (default: the best one here)'
    )
    parser.add_argument('--device', metavar='N', type=int, default=0, help='GPU (default: 0)')
    parser.add_argument(
        '--cache',
        metavar='FOLDER',
        type=Path,
        help='where engines are kept (default: $SEG_NODE_CACHE or ~/.cache/seg_node)',
    )


def run(args: argparse.Namespace) -> int:
    """Build, or find, and print the path."""
    bundle = open_bundle(args.bundle)
    spec = _spec(args, bundle)
    library = find_library(args.library)
    files = EngineFiles(
        library,
        _gpu(args.device, is_needed=not library.is_portable),
        cache=EngineCache(args.cache),
        options=BuildOptions(workspace_mib=args.workspace),
    )
    started = time.monotonic()
    with BuildBar(f'building with {library.title}') as bar:
        found = files.get(bundle, spec, bar.show)
    if found.path is None:
        raise EngineError(found.unstored)
    how = 'was there' if found.reused else f'built in {time.monotonic() - started:.1f} s'
    size = len(found.data) / MIB
    print(f'{bundle.manifest.name} in {spec.precision}: {how}, {size:.1f} MiB', file=sys.stderr)
    print(found.path)
    return 0


def _spec(args: argparse.Namespace, bundle: Bundle) -> DeployedSpec:
    precision = args.precision
    if precision == 'auto':
        precision = TensorRTEngine.best_precision(bundle)
    names = [name for name in args.planes.split(',') if name]
    taxonomy = bundle.manifest.taxonomy
    return DeployedSpec(
        image_size=args.size,
        sizes=args.sizes,
        batch=args.batch,
        precision=cast('Precision', precision),
        planes=tuple(sorted({taxonomy.index(name) for name in names})),
        scores=not args.no_scores,
    )


def _gpu(index: int, *, is_needed: bool) -> DeviceInfo | None:
    """Return the GPU; ``None`` where there is none and none is needed."""
    try:
        return CudaDevice(index).info
    except EngineUnavailableError:
        if is_needed:
            raise
        return None


def _three_sizes(text: str) -> tuple[tuple[int, int], ...]:
    sizes = tuple(image_size(one) for one in text.split(','))
    if len(sizes) != THREE:
        msg = f'{text!r} is no range; expected three sizes, e.g. 640x480,800x600,1280x720'
        raise argparse.ArgumentTypeError(msg)
    return sizes


def _batch(text: str) -> tuple[int, ...]:
    """Return fewest, usual and most images; one number stands for all three."""
    counts = tuple(at_least_one(one) for one in text.split(','))
    if len(counts) not in (1, THREE):
        msg = f'{text!r} is no batch; expected a number such as 4, or three such as 1,4,4'
        raise argparse.ArgumentTypeError(msg)
    return counts * THREE if len(counts) == 1 else counts
