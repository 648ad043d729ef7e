# SPDX-License-Identifier: Apache-2.0
"""What each setting of the engines on a CPU is worth, and which engine is faster.

Frames of CamVid val if SEG_NODE_CAMVID names the folder of CamVid, else procedural scenes, fitted
to the network of ``--bundle``. All rivals of a part first have to say the same about them, then
they take turns, frame by frame, in this process.

(a) ONNX Runtime as the engine has it against one changed setting at a time.
(b) The same with as many threads as there are cores, and a pause after each frame as between those
    of a camera: what a thread does then costs processor time and no latency.
(c) ONNX Runtime against OpenVINO, in fp32 and int8.

    python benchmarks/bench_cpu_engines.py --check --json benchmarks/results/cpu_engines.json

A setting that is faster than the engine's own by more than noise fails with ``--check``. With
``--plain-malloc`` memory goes back to the system after each frame, as in a process that does not
do what the node does (``keep_large_blocks``).
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from itertools import cycle
import json
import os
from pathlib import Path
import sys
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime as ort

from measuring.machine import machine
from measuring.timing import alternate
from seg_node.bundle import open_bundle
from seg_node.datasets import open_dataset, spread
from seg_node.engines.base import ScoreEngine
from seg_node.engines.onnx_engine import session_options
from seg_node.engines.registry import open_engine
from seg_node.imaging import Fitter
from seg_node.ros.transport import keep_large_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle

    Float32Array = npt.NDArray[np.float32]
    Run = Callable[[Float32Array], Float32Array]

FRAMES = 5
PAUSE_S = 0.05
PRECISIONS = ('fp32', 'int8')
OURS = 'as the engine has it'
ONE_THREAD = 'one thread'
NOISE = 0.07
"""By how much a rival may be faster before that counts: equal ones differ so on a busy machine."""
EQUAL_SETTINGS = {'fp32': 0.9999, 'int8': 0.98}
"""Least share of equal labels: fusions round otherwise, and 8 bits make steps of it."""
EQUAL_ENGINES = {'fp32': 0.9999, 'int8': 0.98}
LEVELS = ort.GraphOptimizationLevel


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    args = parse(argv)
    cv2.setNumThreads(1)
    if not args.plain_malloc:
        keep_large_blocks()
    bundle = open_bundle(args.bundle)
    batches = list(fitted_frames(bundle, args.camvid))
    result: dict[str, Any] = {
        'benchmark': 'cpu_engines',
        'frames': 'CamVid val' if args.camvid else 'procedural',
        'rounds': args.rounds,
        'malloc': 'plain' if args.plain_malloc else 'as in the node',
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'settings': {p: settings(bundle, p, batches, args.rounds) for p in PRECISIONS},
        'threads': {p: threads(bundle, p, batches, args) for p in PRECISIONS},
        'engines': engines(bundle, batches, args.rounds) if find_spec('openvino') else {},
        'machine': machine(),
    }
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return int(args.check and bool(losers(result)))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--rounds', type=int, default=25)
    parser.add_argument(
        '--cores', type=int, default=len(os.sched_getaffinity(0)), help='threads of part (b)'
    )
    parser.add_argument('--plain-malloc', action='store_true', help='not as in the node')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a setting could be better')
    parser.add_argument(
        '--camvid',
        default=os.environ.get('SEG_NODE_CAMVID'),
        help='folder of CamVid (default: $SEG_NODE_CAMVID)',
    )
    return parser.parse_args(argv)


def fitted_frames(bundle: Bundle, camvid: str | None) -> Iterator[Float32Array]:
    """Yield a few images of a drive as the network takes them."""
    if camvid:
        dataset = open_dataset(f'camvid:{camvid}', split='val', taxonomy='camvid11')
    else:
        dataset = open_dataset(f'procedural:{FRAMES}', split='val', taxonomy='cityscapes19')
    fit = Fitter(bundle.manifest.input)
    chosen = spread(dataset, FRAMES)
    for index in range(len(chosen)):
        yield fit(chosen[index].image)[0].copy()


def settings(
    bundle: Bundle, precision: str, batches: Sequence[Float32Array], rounds: int
) -> dict[str, Any]:
    """Measure part (a)."""
    path = bundle.network_path(precision)
    rivals = {
        OURS: bound(path, session_options(1)),
        'scores in new arrays': unbound(path, session_options(1)),
        'without the arena': bound(path, changed(enable_cpu_mem_arena=False)),
        'without the memory pattern': bound(path, changed(enable_mem_pattern=False)),
        'optimisation: basic': bound(
            path, changed(graph_optimization_level=LEVELS.ORT_ENABLE_BASIC)
        ),
        'optimisation: extended': bound(
            path, changed(graph_optimization_level=LEVELS.ORT_ENABLE_EXTENDED)
        ),
    }
    return measured(rivals, batches, rounds, EQUAL_SETTINGS[precision])


def threads(
    bundle: Bundle, precision: str, batches: Sequence[Float32Array], args: argparse.Namespace
) -> dict[str, Any]:
    """Measure part (b)."""
    path = bundle.network_path(precision)
    rivals = {
        OURS: bound(path, session_options(args.cores)),
        'spinning': bound(path, spinning(args.cores)),
        'work in smaller blocks': bound(path, in_smaller_blocks(args.cores)),
        ONE_THREAD: bound(path, session_options(1)),
    }
    found = measured(rivals, batches, max(args.rounds // 2, 3), EQUAL_SETTINGS[precision], PAUSE_S)
    return {'threads': args.cores, 'pause_ms': 1e3 * PAUSE_S, **found}


def engines(bundle: Bundle, batches: Sequence[Float32Array], rounds: int) -> dict[str, Any]:
    """Measure part (c)."""
    result = {}
    for precision in PRECISIONS:
        opened, opening = {}, {}
        for name in ('onnxruntime', 'openvino'):
            begun = time.perf_counter()
            engine = open_engine(name, bundle, precision=precision)
            opening[name] = 1e3 * (time.perf_counter() - begun)
            assert isinstance(engine, ScoreEngine)
            opened[name] = engine
        rivals: dict[str, Run] = {name: engine.infer for name, engine in opened.items()}
        found = measured(rivals, batches, rounds, EQUAL_ENGINES[precision])
        result[precision] = {'opening_ms': opening, **found}
        for engine in opened.values():
            engine.close()
    return result


def changed(**values: object) -> ort.SessionOptions:
    """Return the engine's settings for one thread but for some attributes."""
    options = session_options(1)
    for name, value in values.items():
        setattr(options, name, value)
    return options


def spinning(count: int) -> ort.SessionOptions:
    """Return the engine's settings with threads that spin while they wait."""
    options = ort.SessionOptions()  # where it spins, as it does by itself
    options.intra_op_num_threads = count
    options.inter_op_num_threads = 1
    return options


def in_smaller_blocks(count: int) -> ort.SessionOptions:
    """Return the engine's settings with work that is handed out in ever smaller blocks."""
    options = session_options(count)
    options.add_session_config_entry('session.dynamic_block_base', '4')
    return options


def bound(path: Path, options: ort.SessionOptions) -> Run:
    """Return a run of a network into one array, as the engine does it."""
    session = loaded(path, options)
    binding = session.io_binding()
    (scores,) = session.run(['scores'], {'image': zeros(session)})

    def run(batch: Float32Array) -> Float32Array:
        for bind, name, array in (
            (binding.bind_input, 'image', batch),
            (binding.bind_output, 'scores', scores),
        ):
            bind(name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)
        session.run_with_iobinding(binding)
        return np.asarray(scores, np.float32)

    return run


def unbound(path: Path, options: ort.SessionOptions) -> Run:
    """Return a run of a network into a new array each time."""
    session = loaded(path, options)

    def run(batch: Float32Array) -> Float32Array:
        (scores,) = session.run(['scores'], {'image': batch})
        return np.asarray(scores, np.float32)

    return run


def loaded(path: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    """Return a session on the processor."""
    return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def zeros(session: ort.InferenceSession) -> Float32Array:
    """Return a black image of the network's size."""
    return np.zeros((1, *session.get_inputs()[0].shape[1:]), np.float32)


def measured(
    rivals: Mapping[str, Run],
    batches: Sequence[Float32Array],
    rounds: int,
    least: float,
    pause: float = 0.0,
) -> dict[str, Any]:
    """Compare what the rivals say of all frames with the first one, then time them."""
    equal = {name: agreement(rivals, name, batches) for name in list(rivals)[1:]}
    for name, share in equal.items():
        assert share >= least, f'{name}: only {share:.4%} of the labels agree'
    samples = alternate(
        {name: one_after_another(run, batches, pause) for name, run in rivals.items()}, rounds
    )
    times = {name: sample.to_dict() for name, sample in samples.items()}
    for each in times.values():
        for key in ('median_ms', 'p95_ms', 'best_ms'):
            each[key] -= 1e3 * pause
    first = times[next(iter(times))]
    kinds = ('median', 'best', 'cpu_median', 'cpu_best')
    ratios = {
        name: {kind: each[f'{kind}_ms'] / first[f'{kind}_ms'] for kind in kinds}
        for name, each in times.items()
    }
    return {'equal_labels': equal, 'times': times, 'ratios': ratios}


def agreement(rivals: Mapping[str, Run], name: str, batches: Sequence[Float32Array]) -> float:
    """Return the least share of labels of a frame that a rival and the first one agree on."""
    first = next(iter(rivals.values()))
    shares = []
    for batch in batches:
        labels = first(batch).argmax(axis=1)
        shares.append(float((rivals[name](batch).argmax(axis=1) == labels).mean()))
    return min(shares)


def one_after_another(
    run: Run, batches: Sequence[Float32Array], pause: float
) -> Callable[[], object]:
    """Return a call that takes the next frame each time and then waits."""
    supply = cycle(batches)

    def call() -> None:
        run(next(supply))
        if pause:
            time.sleep(pause)

    return call


def losers(result: dict[str, Any]) -> list[str]:
    """Name the rivals that beat the engine's own settings in time and in processor time."""
    return [
        f'{part}, {precision}: {name}'
        for part in ('settings', 'threads')
        for precision, found in result[part].items()
        for name, ratio in found['ratios'].items()
        if name != ONE_THREAD and max(ratio['cpu_best'], ratio['best']) < 1.0 - NOISE
    ]


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    print(f'frames: {result["frames"]}; bundle {result["bundle"]}; malloc {result["malloc"]}')
    for part in ('settings', 'threads', 'engines'):
        for precision, found in result[part].items():
            extra = f', {found["threads"]} threads' if 'threads' in found else ', 1 thread'
            print(f'\n{part}, {precision}{extra}')
            for name, each in found['times'].items():
                ratio = found['ratios'][name]
                equal = found['equal_labels'].get(name, 1.0)
                print(
                    f'  {name:28} {each["median_ms"]:7.1f} ms, best {each["best_ms"]:6.1f}; '
                    f'processor {each["cpu_median_ms"]:7.1f}, best {each["cpu_best_ms"]:6.1f}; '
                    f'x {ratio["best"]:.2f}, processor x {ratio["cpu_best"]:.2f}; '
                    f'{equal:.4%} equal labels'
                )
            if 'opening_ms' in found:
                opening = found['opening_ms'].items()
                print('  opening: ' + ', '.join(f'{k} {v:.0f} ms' for k, v in opening))
    for name in losers(result):
        print(f'BETTER than what the engine has: {name}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
