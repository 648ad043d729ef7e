# SPDX-License-Identifier: Apache-2.0
"""The engines for GPUs at 1024 x 2048: first whether they are right, then how fast they are.

Real frames if SEG_NODE_CAMVID names the folder of CamVid, else procedural scenes; the network is
that of the default bundle, for an input of the camera's size (needs torch to export it).

Correctness: labels, confidence and entropy against ONNX Runtime on the processor.
Times, host to host: latency of one image at a time, throughput of a stream with two batches under
way, the engine alone, what the host does around it, and how far the engine is from its roofline.

Without a GPU nothing is timed. Then the graphs are built with TensorRT for RTX, if it is here.

    python benchmarks/bench_gpu.py --check
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from importlib import import_module, metadata
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

from measuring.crf.frames import fitted
from measuring.gpu.builds import build_graphs
from measuring.gpu.judgement import agreement, bars, LIMITS
from measuring.gpu.roofline import known_peak, roofline
from measuring.gpu.timing import measure
from measuring.machine import machine
from seg_node.bundle import open_bundle
from seg_node.datasets import open_dataset, spread
from seg_node.engines.registry import engine_class
from seg_node.engines.serving import GPU_BACKENDS
from seg_node.errors import EngineError, SegNodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine

    UInt8Array = npt.NDArray[np.uint8]

SIZE = (1024, 2048)
FRAMES = 4
LIBRARIES = ('tensorrt', 'tensorrt-rtx', 'cuda-bindings', 'cuda-python', 'onnx')
ROUNDS = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    args = parse(argv)
    devices = {name: device_of(name) for name in args.engines}
    result: dict[str, Any] = {
        'benchmark': 'gpu',
        'image': args.size,
        'precision': args.precision,
        'frames': 'CamVid val' if args.camvid else 'procedural',
        'machine': machine(),
        'libraries': versions(),
        'devices': devices,
    }
    with TemporaryDirectory() as folder:
        bundle = bundle_for(args, Path(folder))
        result['bundle'] = f'{bundle.manifest.name} {bundle.digest}'
        result['network'] = (bundle.manifest.input.height, bundle.manifest.input.width)
        here = [name for name, found in devices.items() if found['usable']]
        if here:
            images = frames(args)
            result['engines'] = {name: measured(name, bundle, images, args) for name in here}
        else:
            result['builds'] = build_graphs(bundle, args.size)
    result['bars'] = [bar for one in result.get('engines', {}).values() for bar in one['bars']]
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return status_of(result, check=args.check)


def status_of(result: dict[str, Any], *, check: bool) -> int:
    """Return the exit status: under a check nothing may be missed, or all be left undone."""
    failed = [one for one in result.get('builds', ()) if one['error']]
    missed = [bar for bar in result['bars'] if not bar['met']]
    idle = not result.get('engines') and not result.get('builds')
    return int(bool(failed) or (check and (bool(missed) or idle)))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--engine', dest='engines', action='append', choices=[*GPU_BACKENDS])
    parser.add_argument('--bundle', default='default', help='name or folder (default: default)')
    parser.add_argument('--size', type=sides, default=SIZE, help='of images (default: 1024x2048)')
    parser.add_argument(
        '--as-it-is', action='store_true', help="keep the bundle's network at its own size"
    )
    parser.add_argument('--precision', choices=('fp16', 'fp32', 'int8'), default='fp16')
    parser.add_argument('--rounds', type=int, default=ROUNDS)
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    parser.add_argument(
        '--camvid',
        default=os.environ.get('SEG_NODE_CAMVID'),
        help='folder of CamVid (default: $SEG_NODE_CAMVID)',
    )
    args = parser.parse_args(argv)
    args.engines = args.engines or list(GPU_BACKENDS)
    return args


def sides(text: str) -> tuple[int, int]:
    """Read HxW."""
    height, _, width = text.partition('x')
    return int(height), int(width)


def device_of(name: str) -> dict[str, Any]:
    """Return what an engine would run on, or why it cannot."""
    module, _, kind = GPU_BACKENDS[name].partition(':')
    try:
        words = getattr(import_module(module), kind)().device()
    except EngineError as err:
        return {'usable': False, 'words': str(err)}
    return {'usable': True, 'words': words}


def versions() -> dict[str, str]:
    """Return the versions of the libraries around a GPU that are installed."""
    installed = {}
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed


def bundle_for(args: argparse.Namespace, folder: Path) -> Bundle:
    """Return the bundle, its network for an input of the camera's size unless told otherwise."""
    bundle = open_bundle(args.bundle)
    if args.as_it_is:
        return bundle
    from measuring.larger_network import at_size  # noqa: PLC0415  # needs torch

    return at_size(bundle, args.size, folder / 'larger')


def frames(args: argparse.Namespace) -> list[UInt8Array]:
    """Return a few images of a drive, at the camera's size."""
    if args.camvid:
        dataset = open_dataset(f'camvid:{args.camvid}', split='val', taxonomy='camvid11')
    else:
        dataset = open_dataset(f'procedural:{FRAMES}', split='val', taxonomy='cityscapes19')
    chosen = spread(dataset, FRAMES)
    return [fitted(chosen[index].image, args.size, index) for index in range(len(chosen))]


def engine_for(name: str, bundle: Bundle, args: argparse.Namespace) -> Engine:
    """Return an engine for images of the camera's size, not yet opened."""
    if name == 'tensorrt':
        from seg_node.engines.tensorrt.engine import (  # noqa: PLC0415  # optional
            TensorRTEngine,
            TensorRTOptions,
        )

        options = TensorRTOptions(image_size=args.size)
        return TensorRTEngine(bundle, precision=args.precision, options=options)
    return engine_class(name)(bundle, precision=args.precision)


def measured(
    name: str, bundle: Bundle, images: list[UInt8Array], args: argparse.Namespace
) -> dict[str, Any]:
    """Check one engine and then time it."""
    try:
        with engine_for(name, bundle, args) as engine:
            found = agreement(engine, bundle, images)
            times = measure(engine, images, LIMITS, args.rounds)
            described = engine.described()
    except SegNodeError as err:
        fault = {'what': f'{name}: runs', 'value': 0.0, 'bar': 1.0, 'met': False}
        return {'error': str(err), 'bars': [fault]}
    peak = known_peak(described['device'])
    least = roofline(bundle.onnx_path, peak) if peak else None
    return {
        'described': described,
        'agreement': found,
        'times': times,
        'roofline_ms': None if least is None else 1e3 * least,
        'peak': None if peak is None else peak._asdict(),
        'bars': bars(name, args.precision, found, times, least),
    }


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    for name, found in result['devices'].items():
        print(f'{name}: {"" if found["usable"] else "not usable here. "}{found["words"]}')
    for one in result.get('builds', ()):
        size_of_plan = f'{one["bytes"] / 1e6:.1f} MB in {one["seconds"]:.1f} s'
        print(f'built {one["what"]}: {one["error"] or size_of_plan}')
    if 'engines' not in result:
        print('Nothing was timed: there is no GPU that an engine can use.')
    for name, one in result.get('engines', {}).items():
        if 'error' in one:
            print(f'{name}: FAILED: {one["error"]}')
            continue
        print(f'{name}: {one["described"]}')
        print(f'{name}: agreement with the processor {one["agreement"]}')
        print(f'{name}: times {one["times"]}, roofline {one["roofline_ms"]} ms')
    for bar in result['bars']:
        value = 'not judged' if bar['value'] is None else f'{bar["value"]:.4g}'
        print(f'{bar["what"]}: {value}, bar {bar["bar"]:.4g}: {"met" if bar["met"] else "MISSED"}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
