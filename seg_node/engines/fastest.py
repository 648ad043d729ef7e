# SPDX-License-Identifier: Apache-2.0
"""Which arithmetic an engine on the CPU takes by itself: timed where it runs.

What 8-bit integers lose is a property of the network, and stands in the manifest, where ``seg
quantize`` has measured it. On images that the network was trained on that figure promises nothing.
What they gain is one of the processor, so that is measured when the engine is opened.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from seg_node.bundle import INT8_CPU
from seg_node.engines.base import CHANNELS, ScoreEngine
from seg_node.errors import SegNodeError

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine

__all__ = ['LEAST_SPEED', 'MOST_LOST', 'open_fastest']

MOST_LOST = 0.25  # [points of mean IoU]
LEAST_SPEED = 1.3
FEWEST_ROUNDS, ROUNDS = 2, 5
BUDGET_S = 0.5


def open_fastest(
    kind: type[Engine], bundle: Bundle, *, threads: int = 1, words: str = ''
) -> Engine:
    """Return an opened engine in int8 where that is worth it, else in fp32.

    Int8 is taken where the bundle asks for it; else where ``seg quantize --held-out`` measured
    that it loses at most ``MOST_LOST`` points of mean IoU, and fp32 takes ``LEAST_SPEED`` times
    as much processor time here in every round, on the same picture and as many threads. (By the
    clock, what else runs would decide.) That takes both networks and six frames of each, or three
    where those take longer than half a second. ``reason`` says what was measured.

    Args:
        kind: An engine on the CPU.
        bundle: What it shall run.
        threads: Threads that one inference may use.
        words: Why it is this engine, if it was not asked for by name.

    Raises:
        EngineError: If the engine cannot run the bundle in fp32.
    """
    engine = kind(bundle, threads=threads, precision=kind.best_precision(bundle))
    engine.reason = words or engine.reason
    wants_it = engine.precision == 'int8'
    has_it = 'int8' in kind.precisions and INT8_CPU in bundle.manifest.files
    if wants_it or not has_it or not isinstance(engine, ScoreEngine):
        engine.open()
        return engine
    fault = _fault(bundle)
    if fault:
        engine.open()
        return _saying(engine, f'fp32: {fault}')
    return _faster(engine, type(engine)(bundle, threads=threads, precision='int8'))


class _Int8Error(SegNodeError):
    """The network in int8 cannot be opened or run, which is no fault of the one in fp32."""


def _faster(exact: ScoreEngine, quick: ScoreEngine) -> Engine:
    """Open both, close the one that is not worth it, and return the other."""
    exact.open()
    quick.reason = exact.reason
    try:
        taken, words = _judged(exact, quick)
    except BaseException:
        exact.close()
        quick.close()
        raise
    left = exact if taken is quick else quick
    left.close()
    return _saying(taken, words)


def _judged(exact: ScoreEngine, quick: ScoreEngine) -> tuple[ScoreEngine, str]:
    """Return the engine that is to stay, and why, in words; ``exact`` is open."""
    try:
        ratios = _ratios(exact, quick)
    except _Int8Error as err:
        return exact, f'fp32: int8 cannot be run here: {err}'
    least, most = min(ratios), max(ratios)
    taken = quick if least >= LEAST_SPEED else exact
    return taken, (
        f'{taken.precision}: fp32 takes {least:.1f} to {most:.1f} times the processor time of '
        f'int8 here (int8 where it is always {LEAST_SPEED:g} or more), which loses '
        f'{_figure(taken.bundle, "lost"):.2f} points of mean IoU on {_data(taken.bundle)}, held '
        'out from training.'
    )


def _fault(bundle: Bundle) -> str:
    """Return why int8 is out of the question whatever its speed; empty if it is not."""
    lost, speed = _figure(bundle, 'lost'), _figure(bundle, 'speed')
    if lost is None:
        return 'nobody has measured what int8 loses; "seg quantize" does.'
    if not lost <= MOST_LOST:
        return (
            f'int8 loses {lost:.2f} points of mean IoU, more than {MOST_LOST:g}; ask for it with '
            'precision int8.'
        )
    if _said(bundle, 'held out') is not True:
        faster = f'was {speed:.1f} times as fast where it was made, but ' if speed else ''
        return (
            f'int8 {faster}loses {lost:.2f} points of mean IoU on {_data(bundle)}, which nobody '
            'says was held out from training: it may lose more elsewhere. Ask for it with '
            'precision int8.'
        )
    return ''


def _figure(bundle: Bundle, key: str) -> float | None:
    said = _said(bundle, key)
    return float(said) if isinstance(said, int | float) else None


def _data(bundle: Bundle) -> str:
    return str(_said(bundle, 'data') or 'data without a name')


def _said(bundle: Bundle, key: str) -> object:
    """Return what the manifest says of the network in int8; ``None`` if nothing."""
    try:
        return bundle.manifest.quality['int8'][INT8_CPU][key]
    except (KeyError, TypeError):
        return None


def _saying(engine: Engine, words: str) -> Engine:
    engine.reason = f'{engine.reason.removesuffix(".")}. {words}'
    return engine


def _ratios(exact: ScoreEngine, quick: ScoreEngine) -> list[float]:
    """Return the processor time of the first by that of the second, for each round of both.

    Each has a frame to warm up, which is not counted.

    Raises:
        _Int8Error: If the second cannot be opened or run.
    """
    spec = exact.bundle.manifest.input
    shape = 1, CHANNELS, spec.height, spec.width
    batch = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    begun = time.monotonic()
    ratios: list[float] = []
    for _ in range(1 + ROUNDS):
        ratios.append(_seconds(exact, batch) / _seconds_of_int8(quick, batch))
        if len(ratios) > FEWEST_ROUNDS and time.monotonic() - begun > BUDGET_S:
            break
    return ratios[1:]


def _seconds_of_int8(engine: ScoreEngine, batch: npt.NDArray[np.float32]) -> float:
    try:
        engine.open()
        return _seconds(engine, batch)
    except SegNodeError as err:
        raise _Int8Error(str(err)) from err


def _seconds(engine: ScoreEngine, batch: npt.NDArray[np.float32]) -> float:
    """Return the processor time of one run [s]."""
    started = time.process_time()
    engine.infer(batch)
    return time.process_time() - started
