# SPDX-License-Identifier: Apache-2.0
"""From records and sums to ``replay.json``: the one place where a replay divides."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TYPE_CHECKING

from seg_node.evaluation.figures import figures, number
from seg_node.replay.ledger import Ledger
from seg_node.replay.store import FRAMES
from seg_node.replay.truth import folder_state, truth_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seg_node.evaluation.sums import Sums
    from seg_node.pipeline import Mounting
    from seg_node.replay.model import Model
    from seg_node.replay.options import TruthSource
    from seg_node.replay.plan import Bag, Plan
    from seg_node.replay.record import FrameRecord
    from seg_node.replay.store import Journal, Store
    from seg_node.taxonomy import Taxonomy

__all__ = ['REPLAY_FORMAT', 'put_together', 'setup_of']

REPLAY_FORMAT = 1
SHARES = {'p50': 0.50, 'p95': 0.95, 'p99': 0.99}
DIGITS = 3
NANO = 1e9
RATE_DIGITS = 6


def setup_of(model: Model, plan: Plan) -> dict[str, Any]:
    """Return all that results depend on, as plain data: the same setup gives the same results."""
    options = _plain(model.options)
    del options['workers']  # results do not depend on it
    return {
        'format': REPLAY_FORMAT,
        'bundle': model.base.engine.bundle.digest,
        'teacher': model.teacher.engine.bundle.digest if model.teacher else None,
        'options': options,
        'own_vehicle': [_mask_state(one) for one in model.mountings.values()],
        'decisions': model.decisions.digest if model.decisions else None,
        'truth': _truth_state(model.options.truth, plan),
        'bags': [[one.name, one.size, one.cameras, one.span] for one in plan.bags],
        'tasks': [[one.bag, one.cameras, one.span] for one in plan.tasks],
    }


def _truth_state(source: TruthSource | None, plan: Plan) -> list[str] | None:
    """Return a digest of each folder with labels, which somebody may correct."""
    if source is None or source.folder is None:
        return None
    cameras = [(bag.name, topic) for bag in plan.bags for topic in bag.cameras]
    return [folder_state(truth_folder(source, *camera)) for camera in cameras]


def _mask_state(mounting: Mounting) -> str | None:
    """Return a digest of a mask of the own vehicle, which somebody may paint anew."""
    mask = mounting.own_vehicle
    return None if mask is None else sha256(repr(mask.shape).encode() + mask.tobytes()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a value of the options for JSON; dataclasses by their fields, paths as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def put_together(model: Model, plan: Plan, store: Store) -> dict[str, Any]:
    """Write ``frames.jsonl`` from tasks that are done, and return what goes to ``replay.json``.

    Frames are in the order of bags, cameras and time, whoever did them.

    Args:
        model: That did them.
        plan: Whose tasks are all done.
        store: Where they are.
    """
    whole, parts, damages, undecided = Ledger(), [], [], 0
    all_sums: list[Sums | None] = []
    fresh = store.out / f'{FRAMES}.new'
    with fresh.open('w', encoding='utf-8') as lines:
        for index, bag in enumerate(plan.bags):
            journals = [store.journal(one.number) for one in plan.tasks if one.bag == index]
            ledger = Ledger()
            for record in _records(bag, journals):
                lines.write(f'{record.to_json()}\n')
                ledger.add(record)
                whole.add(record)
                undecided += _is_undecided(record, model)
            parts.append(ledger)
            damages.append(_damage(bag, journals))
            all_sums.append(_added(journal.state.sums for journal in journals))
    fresh.replace(store.out / FRAMES)
    described = [
        _bag(bag, damage, _figures(ledger, sums, model))
        for bag, damage, ledger, sums in zip(plan.bags, damages, parts, all_sums, strict=True)
    ]
    head, overall = _head(model, plan), _overall(whole, all_sums, model)
    without = undecided if model.decisions else None
    overall['crf'] = {'options': head.pop('crf'), **overall['crf'], 'without_decision': without}
    return {**head, **overall, 'bags': described}


def _is_undecided(record: FrameRecord, model: Model) -> bool:
    """Say whether a frame has a result, and no decision that could be followed."""
    decisions = model.decisions
    if decisions is None or record.error is not None:
        return False
    return not decisions.knows(record.topic, record.stamp_ns)


def _records(bag: Bag, journals: list[Journal]) -> Iterator[FrameRecord]:
    """Yield the frames of a bag, camera by camera, counted through its tasks."""
    for topic in bag.cameras:
        offset = 0
        for journal in journals:
            for record in journal.records():
                if record.topic == topic:
                    yield replace(record, index=record.index + offset)
            offset += journal.state.frames.get(topic, 0)


def _damage(bag: Bag, journals: list[Journal]) -> list[str]:
    """Return what was wrong with a recording, and how many frames are missing in it."""
    found = [*bag.damage, *(one for journal in journals for one in journal.state.damage)]
    for topic, announced in zip(bag.cameras, bag.frames, strict=True):
        read = sum(journal.state.frames.get(topic, 0) for journal in journals)
        if read < announced:
            found.append(f'{topic!r} announces {announced} frames, {read} could be read.')
    return list(dict.fromkeys(found))


def _added(parts: Iterable[Sums | None]) -> Sums | None:
    total: Sums | None = None
    for one in parts:
        if one is not None and total is not None:
            total.add(one)
        total = total or one
    return total


def _head(model: Model, plan: Plan) -> dict[str, Any]:
    scoring = model.scoring
    return {
        'format': REPLAY_FORMAT,
        'kind': 'replay',
        **model.described(),
        'classes': model.manifest.taxonomy.to_dict(),
        'compared_in': None if scoring is None else scoring.comparison.classes.to_dict(),
        'classes_summed': None if scoring is None else scoring.predictor.summed,
        'options': setup_of(model, plan)['options'],
    }


def _overall(whole: Ledger, all_sums: list[Sums | None], model: Model) -> dict[str, Any]:
    total = None
    known = [one for one in all_sums if one is not None]
    if known:
        total = type(known[0]).zero(len(known[0].confusion))
        for one in known:
            total.add(one)
    return _figures(whole, total, model)


def _bag(bag: Bag, damage: list[str], found: dict[str, Any]) -> dict[str, Any]:
    return {
        'name': bag.name,
        'cameras': dict(zip(bag.cameras, bag.frames, strict=True)),
        'bytes': bag.size,
        'damage': damage,
        **found,
    }


def _figures(ledger: Ledger, sums: Sums | None, model: Model) -> dict[str, Any]:
    classes = model.manifest.taxonomy
    return {
        'frames': ledger.frames,
        'failed_frames': ledger.failed,
        'frames_with_truth': ledger.with_truth,
        'errors': [_place(one) | {'error': one.error} for one in ledger.errors],
        'streams': _streams(ledger),
        'mean_entropy': _number(ledger.entropy.value),
        'mean_flicker': _number(ledger.flicker.value),
        'flicker_frames': ledger.flicker.count,
        'class_share': _coverage(ledger, classes),
        'class_frames': {
            name: ledger.class_frames[index] for index, name in enumerate(classes.names)
        },
        'crf': _crf(ledger),
        'latency_ms': _latency(ledger),
        'worst_frames': {
            name: [_place(record) | {'value': number(value)} for value, record in worst.frames()]
            for name, worst in ledger.worst.items()
        },
        **_scores(sums, ledger, model),
    }


def _scores(sums: Sums | None, ledger: Ledger, model: Model) -> dict[str, Any]:
    scoring = model.scoring
    if sums is None or scoring is None or not ledger.with_truth:
        return {'scores': None, 'sums': None}
    return {'scores': figures(sums, scoring.comparison.classes), 'sums': sums.to_plain()}


def _place(record: FrameRecord) -> dict[str, Any]:
    return {
        'bag': record.bag,
        'topic': record.topic,
        'index': record.index,
        'stamp_ns': record.stamp_ns,
    }


def _streams(ledger: Ledger) -> list[dict[str, Any]]:
    """Return how the stamps of each camera pass [s]."""
    return [
        {
            'bag': bag,
            'topic': topic,
            'seconds': round((one.last_ns - (one.first_ns or 0)) / NANO, DIGITS),
            'gaps': one.gaps,
            'longest_gap': round(one.longest_ns / NANO, DIGITS),
            'stamps_back': one.back,
        }
        for (bag, topic), one in ledger.stamps.items()
    ]


def _coverage(ledger: Ledger, classes: Taxonomy) -> dict[str, float]:
    total = max(sum(ledger.class_pixels.values()), 1)
    return {
        name: round(ledger.class_pixels[index] / total, RATE_DIGITS)
        for index, name in enumerate(classes.names)
    }


def _crf(ledger: Ledger) -> dict[str, Any]:
    return {
        'frames': {decision: ledger.crf[decision] for decision in sorted(ledger.crf)},
        'rate': round(ledger.crf['ran'] / max(ledger.frames, 1), RATE_DIGITS),
        'mean_uncertain_fraction': _number(ledger.uncertain.value),
        'predicted_over_measured': _number(ledger.crf_predicted.value),
    }


def _latency(ledger: Ledger) -> dict[str, dict[str, float | None]]:
    return {
        stage: {name: _milliseconds(times.at(share)) for name, share in SHARES.items()}
        for stage, times in ledger.times.items()
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1e3 * seconds, DIGITS)


def _number(value: float | None) -> float | None:
    return None if value is None else number(value)
