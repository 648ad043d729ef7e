# SPDX-License-Identifier: Apache-2.0
"""The fields of image messages: frame, size, encoding, step, format."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ['look_at_fields']


def look_at_fields(
    messages: Sequence[Mapping[str, Any]], faults: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield findings about fields of ``sensor_msgs/Image`` or ``CompressedImage``.

    Args:
        messages: Fields of each message.
        faults: What the node refuses messages for, and how many of them.
    """
    yield _decoding(faults, len(messages))
    frames = sorted({one['frame_id'] for one in messages})
    if frames == ['']:
        remedy = 'set it in the camera driver: nobody can place the mask in the vehicle'
        yield Finding('warn', 'frame_id', 'empty', remedy)
    else:
        yield Finding('ok', 'frame_id', ', '.join(frames))
    if 'format' in messages[0]:
        formats = sorted({one['format'] for one in messages})
        yield Finding('ok', 'format', ', '.join(map(repr, formats)))
        return
    for name, values in _layouts(messages).items():
        yield _steady(name, values)


def _decoding(faults: Mapping[str, int], count: int) -> Finding:
    if not faults:
        return Finding('ok', 'decoding', f'{count} images are of kinds that seg_node decodes')
    found = '; '.join(f'{number} of {count}: {fault}' for fault, number in faults.items())
    return Finding('fail', 'decoding', found, 'the remedy is in the message')


def _layouts(messages: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    return {
        'size': [f'{one["width"]}x{one["height"]}' for one in messages],
        'encoding': [one['encoding'] for one in messages],
        'step': [f'{one["step"]} bytes' for one in messages],
    }


def _steady(name: str, values: Sequence[str]) -> Finding:
    different = list(dict.fromkeys(values))
    found = ', '.join(different)
    if len(different) > 1:
        remedy = 'are there two publishers on one topic? seg_node follows each change'
        return Finding('warn', name, f'changes: {found}', remedy)
    return Finding('ok', name, found)
