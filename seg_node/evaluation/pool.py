# SPDX-License-Identifier: Apache-2.0
"""Evaluations of several models put together, each on frames that it never saw (folds).

Sums are added and divided once, so that the pooled figures are those of one set in which every
frame was predicted by the model that was not trained on it. Means of the models' own figures would
weigh a small fold like a large one, and rare classes by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
import json
from typing import Any, TYPE_CHECKING

from seg_node.bundle.quality import QUALITY_FORMAT
from seg_node.errors import DatasetError, SegNodeError
from seg_node.evaluation.figures import figures
from seg_node.evaluation.sums import Sums
from seg_node.taxonomy import Taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ['Part', 'pooled_json', 'read_part']

AGAIN = 'Write it again with "seg evaluate --json" of this version.'
ALIKE = ('protocol', 'temperature', 'precision', 'classes_summed')
"""What has to be the same in all parts; figures at several of these would be of nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one file says.

    Attributes:
        path: The file.
        data: Of it what concerns a pool: conditions, sources and number of frames.
        classes: In which predictions were compared.
        sums: See ``Sums``.
        frames: Name of each frame by the digest of its pixels.
    """

    path: Path
    data: Mapping[str, Any]
    classes: Taxonomy
    sums: Sums
    frames: Mapping[str, str]


def read_part(path: Path) -> Part:
    """Read what ``seg evaluate --json`` or ``seg pool --json`` wrote.

    Raises:
        DatasetError: If the file cannot be read, has another format or lacks something.
    """
    data = _read(path)
    try:
        raw = data.pop('sums')
        classes = Taxonomy.from_dict(raw['taxonomy'])
        frames = {digest: name for name, digest in raw['frames']}
        kept = {key: data[key] for key in (*ALIKE, 'sources', 'frames')}
        return Part(path, kept, classes, Sums.from_plain(raw, len(classes)), frames)
    except (KeyError, TypeError, ValueError, AttributeError, SegNodeError) as err:
        msg = f'{str(path)!r} cannot be pooled: {type(err).__name__}: {err} {AGAIN}'
        raise DatasetError(msg) from err


def pooled_json(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the figures of several evaluations as one, plain data of the form of ``as_json``.

    Args:
        parts: At least one.

    Raises:
        DatasetError: If the parts do not fit together: other classes, protocol, temperature or
            precision, or a frame in two of them.
    """
    first = parts[0]
    sums = Sums.zero(len(first.classes))
    frames: dict[str, str] = {}
    for part in parts:
        _check_alike(first, part)
        _check_fresh(frames, part)
        sums.add(part.sums)
        frames |= part.frames
    return {
        'format': QUALITY_FORMAT,
        'kind': 'pool',
        **figures(sums, first.classes),
        'frames': sum(part.data['frames'] for part in parts),
        'taxonomy': first.classes.name,
        **{key: first.data[key] for key in ALIKE},
        'sources': [source for part in parts for source in part.data['sources']],
        'sums': {
            'taxonomy': first.classes.to_dict(),
            'frames': [[name, digest] for digest, name in frames.items()],
            **sums.to_plain(),
        },
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as err:
        msg = f'{str(path)!r} cannot be read as JSON: {err}. {AGAIN}'
        raise DatasetError(msg) from err
    version = data.get('format') if isinstance(data, dict) else None
    if version != QUALITY_FORMAT:
        msg = f'{str(path)!r} has format {version!r}; expected {QUALITY_FORMAT!r}. {AGAIN}'
        raise DatasetError(msg)
    return dict(data)


def _check_alike(first: Part, part: Part) -> None:
    """Refuse a part that was measured in another way than the first."""
    if part.classes != first.classes:
        msg = (
            f'{str(part.path)!r} has the {len(part.classes)} classes of {part.classes.name!r}, '
            f'{str(first.path)!r} the {len(first.classes)} of {first.classes.name!r}. Evaluate '
            'all with the same --taxonomy.'
        )
        raise DatasetError(msg)
    for key in ALIKE:
        one, other = first.data[key], part.data[key]
        if one != other:
            msg = (
                f'{str(part.path)!r} has {key.replace("_", " ")} {other!r}, '
                f'{str(first.path)!r} {one!r}. Evaluate all in the same way.'
            )
            raise DatasetError(msg)


def _check_fresh(frames: Mapping[str, str], part: Part) -> None:
    """Refuse a frame that was counted before."""
    twice = frames.keys() & part.frames.keys()
    if twice or len(part.frames) < part.data['frames']:
        example = f', for example {part.frames[min(twice)]!r}' if twice else ''
        count = len(twice) or part.data['frames'] - len(part.frames)
        msg = (
            f'{str(part.path)!r} has {count} frames that were counted before{example}. Each frame '
            'may be in one file, that of the model which never saw it.'
        )
        raise DatasetError(msg)
