# SPDX-License-Identifier: Apache-2.0
"""What a replay costs beside the pipeline, what two workers gain, and what a long drive needs.

The drive is made up (street scenes with truth, 480 x 360, raw) and replayed against truth, with
flicker. ``cost`` compares it in turns with reading, decoding and segmenting the same frames and
nothing else; both must say the same of every frame. ``outputs`` does so with a labelled bag, a
video and a page, from the start of the engine to the last picture. ``workers`` compares two
processes with one, start-up included; both must write the same. Beside them two replays of the
whole drive at once, which share nothing but the machine, show what a second core is worth on it
(``copies``: 2 where cores share neither caches nor clock nor arithmetic). ``memory`` compares the
most memory that a drive takes with that of one 100 times as long.

    OMP_NUM_THREADS=1 python benchmarks/bench_replay.py --check
"""

from __future__ import annotations

import argparse
from collections import Counter
from functools import partial
import json
from pathlib import Path
import re
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, TYPE_CHECKING

from measuring.machine import machine
from seg_node.bundle import open_bundle
from seg_node.datasets.procedural.drive import Drive
from seg_node.recordings.camera import Camera, record
from seg_node.recordings.images import Frame
from seg_node.recordings.reader import decode, Recording, stamp_of
from seg_node.recordings.writer import BagFormat, BagWriter
from seg_node.replay.camera import wanted_outputs
from seg_node.replay.model import open_model
from seg_node.replay.options import ReplayOptions, TruthSource
from seg_node.replay.page.write import write_report
from seg_node.replay.plan import plan
from seg_node.replay.record import FrameRecord
from seg_node.replay.run import replay, run_here, Work
from seg_node.replay.store import FRAMES, Store
from seg_node.replay.summary import setup_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.datasets import Sample
    from seg_node.replay.model import Model

SCENES, SIZE, RATE = 20, (360, 480), 10.0
BARS = {'cost': 1.05, 'outputs': 1.6, 'workers': 1.7, 'memory': 1.1}
SHORT, TIMES_LONGER = 20, 100
LONGER = 4  # with outputs: a page is made once, however long the drive is
TOPIC, TRUTH = '/camera/image_raw', '/camera/segmentation/truth'
CODED = f'{TOPIC}/compressed'


def drawn() -> list[Sample]:
    """Return consecutive scenes of a drive."""
    drive = Drive(SCENES, size=SIZE, rate=RATE)
    return [drive[index] for index in range(SCENES)]


def write_drive(folder: Path, scenes: list[Sample], frames: int, *, coded: bool = False) -> Path:
    """Record the scenes forth and back until there are enough, and return the folder."""
    camera = Camera(
        topic=TOPIC,
        rate=RATE,
        codec='jpeg' if coded else None,
        classes=Drive(1).taxonomy,
    )
    turn = [*scenes, *scenes[-2:0:-1]]
    with BagWriter(folder, BagFormat()) as writer:
        chosen = (turn[index % len(turn)] for index in range(frames))
        record(writer, camera, (Frame(one.image, one.labels) for one in chosen))
    return folder


def options_with(
    bundle: str, *, sinks: tuple[str, ...] = (), workers: int = 1, topic: str = TOPIC
) -> ReplayOptions:
    """Return a replay with truth and flicker."""
    truth = TruthSource(topic=TRUTH)
    return ReplayOptions(bundle=bundle, truth=truth, topics=(topic,), sinks=sinks, workers=workers)


def pipeline_alone(model: Model, bag: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """Read, decode and segment each frame; yields the labels."""
    recording, segmenter = Recording(bag), model.segmenter(TOPIC)
    outputs = wanted_outputs(model, [])
    for one in recording.messages([TOPIC]):
        message = recording.deserialize(one)
        image = decode(one, message)
        yield segmenter(image, outputs, stamp=stamp_of(message, one.log_ns) / 1e9).labels


def run_pipeline(model: Model, bag: Path) -> None:
    """Run the pipeline and forget what it says."""
    for _ in pipeline_alone(model, bag):
        pass


def run_replay(model: Model, bag: Path, out: Path) -> None:
    """Replay with a model that is open; lines and sums stay in the journal."""
    found = plan([bag], model.options)
    store = Store(out, model.classes)
    store.begin(setup_of(model, found))
    run_here(Work(found, found.tasks, model.options, store, model.classes, lambda _: None), model)


def run_everything(model: Model, bag: Path, out: Path) -> None:
    """Replay from the start of an engine to the last picture of the page."""
    replay([bag], out, model.options)
    write_report(out, [bag], model.options)


def assert_same(model: Model, bag: Path, out: Path) -> int:
    """Replay into a folder and check it against the pipeline; return the number of frames."""
    replay([bag], out, model.options)
    lines = (out / FRAMES).read_text(encoding='utf-8').splitlines()
    for line, labels in zip(lines, pipeline_alone(model, bag), strict=True):
        counts = Counter(labels.ravel().tolist())
        pixels = FrameRecord.from_json(line).class_pixels
        assert pixels == tuple(counts[index] for index in range(len(pixels)))
    return len(lines)


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Return seconds by the clock and of processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure_cost(bag: Path, options: ReplayOptions, rounds: int, scratch: Path) -> dict[str, Any]:
    """Return times per frame of pipeline and replay, taken in turns, and the median ratio."""
    run = run_everything if options.sinks else run_replay
    sides: dict[str, list[tuple[float, float]]] = {'pipeline': [], 'replay': []}
    name = '-'.join(['replay', *options.sinks])
    with open_model(options) as model:
        frames = assert_same(model, bag, scratch / name)
        for number in range(rounds):
            out = scratch / f'{name}{number}'
            sides['pipeline'].append(timed(partial(run_pipeline, model, bag)))
            sides['replay'].append(timed(partial(run, model, bag, out)))
    pairs = list(zip(sides['replay'], sides['pipeline'], strict=True))
    return {
        'frames': frames,
        'rounds': rounds,
        **{
            f'{side}_ms': 1e3 * statistics.median(wall for wall, _ in found) / frames
            for side, found in sides.items()
        },
        'value': statistics.median(one[0] / other[0] for one, other in pairs),
        'processor_time': statistics.median(one[1] / other[1] for one, other in pairs),
    }


def run_copies(bag: Path, bundle: str, out: Path) -> None:
    """Replay the whole drive in each of two processes that know nothing of each other."""
    command = [sys.executable, __file__, '--child', str(bag), '--topic', TOPIC, '--bundle', bundle]
    started = [
        subprocess.Popen([*command, '--out', f'{out}-{number}'], stdout=subprocess.DEVNULL)
        for number in range(2)
    ]
    assert [one.wait() for one in started] == [0, 0]


def measure_workers(bag: Path, bundle: str, rounds: int, scratch: Path) -> dict[str, Any]:
    """Return how much faster two processes are than one, each with its start, and two copies."""
    times: dict[str, list[float]] = {'one': [], 'two': [], 'copies': []}
    written = {}
    for number in range(rounds):
        for workers, name in enumerate(('one', 'two'), start=1):
            out = scratch / f'workers-{name}{number}'
            options = options_with(bundle, workers=workers)
            times[name].append(timed(partial(replay, [bag], out, options))[0])
            lines = (out / FRAMES).read_text(encoding='utf-8').splitlines()
            written[workers] = [FrameRecord.from_json(line).timeless() for line in lines]
        copies = partial(run_copies, bag, bundle, scratch / f'workers-copies{number}')
        times['copies'].append(timed(copies)[0])
    assert written[1] == written[2]
    one, two, both = (times[name] for name in times)
    return {
        'frames': len(written[1]),
        'rounds': rounds,
        **{f'{name}_s': statistics.median(found) for name, found in times.items()},
        'copies': statistics.median(2 * a / b for a, b in zip(one, both, strict=True)),
        'value': statistics.median(a / b for a, b in zip(one, two, strict=True)),
    }


def most_memory(bag: Path, bundle: str, out: Path) -> float:
    """Replay in a process of its own and return the most memory that it took [MB]."""
    command = [sys.executable, __file__, '--child', str(bag), '--out', str(out)]
    done = subprocess.run(
        [*command, '--bundle', bundle], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def child(bag: Path, bundle: str, out: Path, topic: str) -> int:
    """Replay and print the most memory that was taken [MB]."""
    replay([bag], out, options_with(bundle, topic=topic))
    status = Path('/proc/self/status').read_text(encoding='utf-8')
    found = re.search(r'VmHWM:\s+(\d+) kB', status)
    assert found is not None, 'this kernel does not tell VmHWM'
    print(int(found.group(1)) / 1024)
    return 0


def measure_memory(scenes: list[Sample], bundle: str, scratch: Path) -> dict[str, Any]:
    """Return the most memory that a drive takes and that one many times as long takes."""
    found = {}
    for name, frames in (('short', SHORT), ('long', SHORT * TIMES_LONGER)):
        bag = write_drive(scratch / name, scenes, frames, coded=True)
        found[f'{name}_mb'] = most_memory(bag, bundle, scratch / f'{name}-out')
    return {
        'frames': [SHORT, SHORT * TIMES_LONGER],
        **found,
        'value': found['long_mb'] / found['short_mb'],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--part', choices=BARS, action='append', help='leave out the others')
    parser.add_argument('--frames', type=int, default=60, help='of cost and outputs')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--long', type=int, default=1000, help='frames of workers')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    parser.add_argument('--child', type=Path, help=argparse.SUPPRESS)
    parser.add_argument('--topic', default=CODED, help=argparse.SUPPRESS)
    parser.add_argument('--out', type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.child:
        return child(args.child, args.bundle, args.out, args.topic)
    with tempfile.TemporaryDirectory() as folder:
        parts = measure(args, Path(folder))
    result = {
        'benchmark': 'replay',
        'bundle': open_bundle(args.bundle).digest,
        'bars': BARS,
        **parts,
        'machine': machine(),
    }
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return int(args.check and any(missed(name, parts[name]) for name in parts))


def measure(args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Return the parts that are asked for."""
    scenes, chosen = drawn(), args.part or list(BARS)
    bag = write_drive(scratch / 'drive', scenes, args.frames)
    parts: dict[str, Any] = {}
    if 'cost' in chosen:
        parts['cost'] = measure_cost(bag, options_with(args.bundle), args.rounds, scratch)
    if 'outputs' in chosen:
        bag = write_drive(scratch / 'longer', scenes, args.frames * LONGER)
        everything = options_with(args.bundle, sinks=('labelled', 'overlay'))
        parts['outputs'] = measure_cost(bag, everything, args.rounds, scratch)
    if 'workers' in chosen:
        long = write_drive(scratch / 'long-drive', scenes, args.long)
        parts['workers'] = measure_workers(long, args.bundle, max(1, args.rounds // 2), scratch)
    if 'memory' in chosen:
        parts['memory'] = measure_memory(scenes, args.bundle, scratch)
    return parts


def missed(name: str, part: dict[str, Any]) -> bool:
    """Say whether a part missed its bar: a gain is to be large, a cost small."""
    value = float(part['value'])
    return value < BARS[name] if name == 'workers' else value > BARS[name]


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    for name, bar in BARS.items():
        if name in result:
            details = ', '.join(
                f'{key} {value:.4g}' if isinstance(value, float) else f'{key} {value}'
                for key, value in result[name].items()
                if key != 'value'
            )
            sign = 'at least' if name == 'workers' else 'at most'
            print(f'{name}: {result[name]["value"]:.3f} ({sign} {bar:g}); {details}')
    print(f'bundle {result["bundle"]}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
