# SPDX-License-Identifier: Apache-2.0
"""A live replay from beginning to end: played to the node, then replayed offline and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
import json
import shutil
from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError, ProcessError
from seg_node.processes import polite_signals, require_ros
from seg_node.replay.live.frames import match, read_records
from seg_node.replay.live.options import camera_of, check_repeats, node_parameters
from seg_node.replay.live.performance import perform, Stage
from seg_node.replay.live.report import as_json, scores_of
from seg_node.replay.live.verify import verify, write_decisions
from seg_node.replay.plan import plan
from seg_node.replay.record import FrameRecord
from seg_node.replay.store import FRAMES, JOURNAL, REPLAY, SETUP, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seg_node.replay.live.frames import LiveFrame
    from seg_node.replay.live.options import LiveOptions
    from seg_node.replay.live.performance import Performance
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.plan import Bag
    from seg_node.replay.run import Replay

    ReplayOffline = Callable[[ReplayOptions], Replay]

__all__ = ['LIVE', 'replay_live']

LIVE = 'live.json'
DECISIONS = 'decisions.jsonl'
DIGESTS = 'digests'


@dataclass(frozen=True, slots=True)
class Played:
    """A drive that was played.

    Attributes:
        bags: Of the plan.
        topic: Of the camera.
        frames: All that were sent.
        strangers: Masks for which no image was sent.
        performance: What else happened.
    """

    bags: tuple[Bag, ...]
    topic: str
    frames: list[LiveFrame]
    strangers: int
    performance: Performance

    @property
    def names(self) -> list[str]:
        """Names of the bags."""
        return [bag.name for bag in self.bags]


def replay_live(
    bags: Sequence[Path],
    out: Path,
    options: ReplayOptions,
    live: LiveOptions,
    *,
    replay_offline: ReplayOffline,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Play recordings to the node, replay them offline with its decisions, and compare.

    Args:
        bags: Recordings: folders or single files.
        out: Folder for ``live.json`` and for the offline replay.
        options: What is asked of both.
        live: Rate and repetitions.
        replay_offline: Replays the same recordings into ``out`` with the options it is given.
        on_progress: Called with the images sent and those announced.

    Returns:
        What ``live.json`` says.

    Raises:
        ProcessError: If ROS is missing, a process fails, or no mask comes back.
        ParameterError: If there are several cameras, the node cannot do what is asked, frames
            are smoothed and played several times, or the folder holds an offline replay.
        SegNodeError: As ``replay``.
    """
    require_ros()
    check_repeats(options, live)
    _refuse_offline(out)
    played = _play(bags, out, options, live, on_progress)
    # what is left there is of a live replay with other decisions
    shutil.rmtree(out / JOURNAL, ignore_errors=True)
    (out / REPLAY).unlink(missing_ok=True)
    decisions = out / 'live' / DECISIONS
    write_decisions(played.frames, played.names, played.topic, decisions)
    done = replay_offline(
        replace(
            options,
            topics=(played.topic,),
            follow=decisions,
            latency_budget=None,
            sinks=(*options.sinks, DIGESTS),
        )
    )
    engine = done.data['engine']['name']
    verdict = verify(played.frames, played.names, out, engine, played.strangers)
    data = as_json(played.frames, played.performance, live, verdict, _offline(done, played))
    write_whole(out / LIVE, json.dumps(data, indent=2, ensure_ascii=False) + '\n')
    return data


def _refuse_offline(out: Path) -> None:
    """Refuse a folder with a replay, interrupted or done, that was not live."""
    for file in (out / JOURNAL / SETUP, out / REPLAY):
        if file.exists() and not _was_live(file):
            msg = (
                f'{str(out)!r} holds a replay without --live, which would be lost. Give another '
                f'folder, or remove {str(file)!r}.'
            )
            raise ParameterError(msg)


def _was_live(file: Path) -> bool:
    """Tell whether setup or results are of a live replay."""
    try:
        return DIGESTS in json.loads(file.read_text(encoding='utf-8'))['options']['sinks']
    except (ValueError, KeyError, TypeError):
        return False


def _play(
    bags: Sequence[Path],
    out: Path,
    options: ReplayOptions,
    live: LiveOptions,
    on_progress: Callable[[int, int], None],
) -> Played:
    found = plan(bags, options)
    topic = camera_of(found.bags)
    parameters = node_parameters(options, found.bags[0], topic)
    sent = 0

    def count() -> None:
        nonlocal sent
        sent += 1
        on_progress(sent, found.frames * live.loops)

    folder = out / 'live'
    folder.mkdir(parents=True, exist_ok=True)
    with polite_signals():
        stage = Stage([bag.path for bag in found.bags], topic, parameters, folder)
        performance = perform(stage, live, count)
    frames, strangers = match(performance.sent, read_records(stage.record))
    if not any(one.digest for one in frames):
        msg = (
            f'The node answered none of {len(frames)} images. Its log is in '
            f'{str(folder / "logs" / "node.log")!r}; a slower --live rate may help.'
        )
        raise ProcessError(msg)
    if not any(one.crf for one in frames):
        msg = (
            f'No status came for any of {len(frames)} images, so it is not known what the node '
            f'decided about the CRF. Its log is in {str(folder / "logs" / "node.log")!r}.'
        )
        raise ProcessError(msg)
    return Played(found.bags, topic, frames, strangers, performance)


def _offline(done: Replay, played: Played) -> dict[str, Any]:
    """Return the figures of the offline run that stand beside those of the node."""
    processed = {
        (played.names[one.bag], one.index) for one in played.frames if one.digest is not None
    }
    compared = done.data['compared_in'] or {'classes': []}
    with (done.out / FRAMES).open(encoding='utf-8') as lines:
        records = map(FrameRecord.from_json, lines)
        scores = scores_of(records, processed, len(compared['classes']))
    return {**scores, 'latency_ms': done.data['latency_ms'].get('total', {})}
