# SPDX-License-Identifier: Apache-2.0
"""Hours at full load: does the node stay as it was in its first minute?

    PYTHONPATH=test:benchmarks python -m endurance.soak --minutes 30

Camera, node and consumer are three processes. The camera is faster than the node, the consumer
listens to all pictures. With ``--faults`` the camera is killed and changed, subscribers come and
go, parameters storm, the node is deactivated and activated, all but in the minutes that are
compared; memory is then compared with the minute after each fault has come once. The result is a
table and, with ``--json``, a file. The exit status is 0 if every bar was met, 1 if one was missed,
and 2 if none was missed but the machine was so differently loaded in the two minutes that
latencies were not judged; the last line says so.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
import statistics
import sys
import tempfile
import time
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray

from endurance.age import ages, FRAMES
from endurance.disturbances import DISTURBANCES
from endurance.stage import Stage
from seg_node.progress import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from endurance.age import Ages
    from endurance.memory import Holdings

__all__ = ['Record', 'Verdict', 'main', 'outcome', 'report', 'verdicts']

PICTURES = ('confidence', 'entropy', 'drivable_area', 'color', 'overlay')
WARM_UP_S = 60.0
WINDOW_S = 60.0
SAMPLE_S = 2.0
FAULT_S = 15.0
MEMORY_BAR = 1.03
MEDIAN_BAR = 1.10
P99_BAR = 2.0
LOAD_BAR = 1.0
"""Latencies of two minutes are compared if the machine's load differs by at most so much."""
PASSED, MISSED, NOT_JUDGED = 0, 1, 2
NO_PROOF = 'latencies were not judged: this run proves nothing about them'


@dataclass(frozen=True, slots=True)
class Verdict:
    """One bar.

    Attributes:
        what: What was measured.
        value: The measure.
        bar: What it may be at most; ``None`` where it is not judged.
    """

    what: str
    value: float
    bar: float | None

    @property
    def passed(self) -> bool:
        """Whether the bar was met, if there is one."""
        return self.bar is None or self.value <= self.bar


@dataclass(slots=True)
class Record:
    """What was noted during the run.

    Attributes:
        begun: When it began, on the monotonic clock [s].
        faults: Whether there were disturbances.
        samples: Moments [s after that] and what the node held.
        loads: Load of the machine over the minute before each sample [threads].
        recoveries: Disturbances and how long masks took to come again [s]; -1 if they did not.
    """

    begun: float
    faults: bool = False
    samples: list[tuple[float, Holdings]] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    recoveries: list[tuple[str, float]] = field(default_factory=list)


def soak(stage: Stage, seconds: float, *, faults: bool) -> Record:
    """Let the stage run and note what the node holds; show a bar."""
    record = Record(time.monotonic(), faults)
    total, done = round(seconds), 0
    bar = Bar(what='soak', total=total, unit='second')
    disturbances = _disturbances() if faults else iter(())
    due = WARM_UP_S + WINDOW_S
    while (now := time.monotonic() - record.begun) < seconds:
        record.samples.append((now, stage.node.hold()))
        record.loads.append(os.getloadavg()[0])
        bar.note(f'{record.samples[-1][1].rss_anon:.0f} MB, {stage.figures.get("message", "")}')
        if due < now < seconds - WINDOW_S - FAULT_S:
            due = now + FAULT_S
            _disturb(stage, record, next(disturbances, ''))
        time.sleep(SAMPLE_S)
        before, done = done, min(round(time.monotonic() - record.begun), total)
        bar.move(done - before)
    bar.close()
    return record


def _disturbances() -> Iterator[str]:
    while True:
        yield from DISTURBANCES


def _disturb(stage: Stage, record: Record, name: str) -> None:
    """Cause one disturbance and note how long masks took to come again."""
    if not name:
        return
    try:
        took = DISTURBANCES[name](stage)
    except (AssertionError, TimeoutError) as err:
        sys.stderr.write(f'\n{name}: {err}\n')
        took = -1.0
    record.recoveries.append((name, took))


def verdicts(stage: Stage, record: Record, seconds: float, rate: float) -> list[Verdict]:
    """Return what is judged."""
    first, last = windows(stage, record, seconds)
    early = _minute(record, WARM_UP_S)
    late = [one for now, one in record.samples if now >= seconds - WINDOW_S]
    settled = _minute(record, _settled(seconds)) if record.faults else early
    memory = [statistics.median(one.rss_anon for one in part) for part in (settled, late)]
    files = [max(one.files for one in part) for part in (early, late)]
    threads = [max(one.threads for one in part) for part in (early, late)]
    work = _span(late) / last.count / (_span(early) / first.count)
    loads = loads_of_minutes(record)
    alike = abs(loads[1] - loads[0]) <= LOAD_BAR
    bars = (MEDIAN_BAR, P99_BAR) if alike else (None, None)
    lost = sum(took < 0 for _, took in record.recoveries)
    return [
        Verdict('RssAnon, last minute / first', memory[1] / memory[0], MEMORY_BAR),
        Verdict('more file descriptors', files[1] - files[0], 0),
        Verdict('more threads', threads[1] - threads[0], 0),
        Verdict('processor time per mask, last / first', work, MEDIAN_BAR),
        Verdict('median latency, last minute / first', last.median / first.median, bars[0]),
        Verdict('p99 latency, last minute / first', last.p99 / first.p99, bars[1]),
        Verdict('waited p99.9, frame times', _waited(stage, record, last) * rate, FRAMES),
        Verdict('headers that nobody sent', len(stage.consumer.heard.faults), 0),
        Verdict('frames not accounted for', abs(stage.open()), 2),
        Verdict('faults without masks within 2 s', lost, 0),
    ]


def _waited(stage: Stage, record: Record, last: Ages) -> float:
    """Return the 99.9th percentile of the wait after the warm-up; with faults of the last minute.

    A minute has fewer than a thousand frames, so that one frame would decide. While there are
    faults, frames wait for reasons of their own.
    """
    if record.faults:
        return last.waited_p999
    warm = record.begun + WARM_UP_S
    return ages([one for one in stage.consumer.heard.statuses if one.came >= warm]).waited_p999


def outcome(found: Sequence[Verdict]) -> int:
    """Return the exit status."""
    if not all(one.passed for one in found):
        return MISSED
    return NOT_JUDGED if any(one.bar is None for one in found) else PASSED


def _minute(record: Record, begin: float) -> list[Holdings]:
    """Return what the node held in the minute from then on [s]."""
    return [one for now, one in record.samples if begin <= now < begin + WINDOW_S]


def _settled(seconds: float) -> float:
    """Return when each fault has come once [s]: larger images take memory that is kept."""
    return min(WARM_UP_S + WINDOW_S + len(DISTURBANCES) * FAULT_S, seconds - 2 * WINDOW_S)


def _span(samples: Sequence[Holdings]) -> float:
    """Return the processor time between the first sample and the last [s]."""
    return samples[-1].cpu - samples[0].cpu


def windows(stage: Stage, record: Record, seconds: float) -> tuple[Ages, Ages]:
    """Return the ages of the first minute after the warm-up, and of the last."""
    statuses = stage.consumer.heard.statuses
    first = record.begun + WARM_UP_S
    last = record.begun + seconds - WINDOW_S
    return (
        ages([one for one in statuses if first <= one.came < first + WINDOW_S]),
        ages([one for one in statuses if last <= one.came < last + WINDOW_S]),
    )


def loads_of_minutes(record: Record) -> tuple[float, float]:
    """Return the load of the machine in the first minute after the warm-up, and in the last."""
    moments = [now for now, _ in record.samples]
    first = sum(now < WARM_UP_S + WINDOW_S for now in moments) - 1
    return record.loads[first], record.loads[-1]


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    lines = [f'{"":40s} {"measured":>10s} {"at most":>10s}']
    for one in result['verdicts']:
        missed = '' if one['passed'] else '  MISSED'
        bar = 'not judged' if one['bar'] is None else f'{one["bar"]:.3f}'
        lines.append(f'{one["what"]:40s} {one["value"]:10.3f} {bar:>10s}{missed}')
    for name in ('first', 'last'):
        parts = (f'{key} {value:.1f}' for key, value in result[f'{name}_minute_ms'].items())
        lines.append(
            f'{name} minute: {result[f"{name}_minute_masks"]} masks; ms: ' + ', '.join(parts)
        )
    lines += [f'{name}: masks again after {took:.2f} s' for name, took in result['recoveries']]
    loads = ' and '.join(f'{one:.1f}' for one in result['loads_of_minutes'])
    lines.append(f'load of the two minutes: {loads}; latencies are judged if that is alike')
    lines.append(f'{result["masks"]} masks; load before and after: {result["load"]}')
    lines.append('; '.join(f'{key} {value}' for key, value in result['machine'].items()))
    if any(one['bar'] is None for one in result['verdicts']):
        lines.append(NO_PROOF)
    sys.stdout.write('\n'.join(lines) + '\n')


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--minutes', type=float, default=30.0, help='at least 3.5')
    parser.add_argument('--faults', action='store_true', help='mix faults in')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--engine', default='onnxruntime')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rate', type=float, default=30.0, help='of the camera [Hz]')
    parser.add_argument('--size', type=int, nargs=2, default=(360, 640), help='height width')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    args = parser.parse_args(argv)
    if args.minutes * 60 < WARM_UP_S + 2 * WINDOW_S + FAULT_S:
        parser.error('the warm-up and two minutes to compare take 3.5 minutes')
    return args


def result_of(
    stage: Stage, record: Record, args: argparse.Namespace, found: Sequence[Verdict]
) -> dict[str, Any]:
    """Return all that was measured and judged, for the file."""
    from measuring.machine import machine  # noqa: PLC0415  # of the benchmarks, which tests do not see

    seconds = 60 * args.minutes
    parts = dict(zip(('first', 'last'), windows(stage, record, seconds), strict=True))
    return {
        'soak': 'faults' if args.faults else 'plain',
        'minutes': args.minutes,
        'masks': len(stage.consumer.heard.masks),
        'verdicts': [{**asdict(one), 'passed': one.passed} for one in found],
        **{f'{name}_minute_masks': one.count for name, one in parts.items()},
        **{f'{name}_minute_ms': _in_ms(one) for name, one in parts.items()},
        'samples': [(round(now), *asdict(one).values()) for now, one in record.samples],
        'loads_of_minutes': loads_of_minutes(record),
        'recoveries': record.recoveries,
        'machine': machine(),
    }


def _in_ms(found: Ages) -> dict[str, float]:
    return {name: 1e3 * value for name, value in asdict(found).items() if name != 'count'}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the soak and return the exit status."""
    args = arguments(argv)
    load = [os.getloadavg()]
    with tempfile.TemporaryDirectory() as folder:
        parameters = {name: getattr(args, name) for name in ('bundle', 'engine', 'threads')}
        stage = Stage(Path(folder), {**parameters, 'snapshot_dir': folder})
        try:
            begin(stage, args)
            record = soak(stage, 60 * args.minutes, faults=args.faults)
            found = verdicts(stage, record, 60 * args.minutes, args.rate)
            result = result_of(stage, record, args, found)
        finally:
            stage.close()
    result['load'] = [*load, os.getloadavg()]
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return outcome(found)


def begin(stage: Stage, args: argparse.Namespace) -> None:
    """Start everything and wait for masks."""
    stage.start_node()
    for name in PICTURES:
        stage.consumer.also(f'segmentation/{name}')
    stage.consumer.also('segmentation/status', DiagnosticArray)
    stage.start_camera(rate=args.rate, size=args.size)
    stage.camera.rate = args.rate
    stage.until_active()
    stage.until_masks(10.0)


if __name__ == '__main__':
    sys.exit(main())
