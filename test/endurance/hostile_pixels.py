# SPDX-License-Identifier: Apache-2.0
"""Ways to send a ``sensor_msgs/Image`` that is right, almost right, or made to hurt.

A trick takes a random generator and returns the verdict, the fields of the message, and the RGB
pixels that it has to give where they are known.
"""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Fields = dict[str, Any]
    Made = tuple[str, Fields, UInt8Array | None]
    Trick = Callable[[np.random.Generator], Made]

__all__ = ['RAW_TRICKS']

LARGEST_SIDE = 40
# After sensor_msgs/image_encodings.hpp, not after our table: bytes of a value, values of a pixel,
# rows in memory per two rows of the image, what height and width must be multiples of.
LAYOUTS: dict[str, tuple[int, int, int, tuple[int, int]]] = {
    **dict.fromkeys(('rgb8', 'bgr8', '8UC3'), (1, 3, 2, (1, 1))),
    **dict.fromkeys(('rgba8', 'bgra8', '8UC4'), (1, 4, 2, (1, 1))),
    **dict.fromkeys(('mono8', '8UC1'), (1, 1, 2, (1, 1))),
    **dict.fromkeys(('rgb16', 'bgr16', '16UC3'), (2, 3, 2, (1, 1))),
    **dict.fromkeys(('rgba16', 'bgra16', '16UC4'), (2, 4, 2, (1, 1))),
    **dict.fromkeys(('mono16', '16UC1'), (2, 1, 2, (1, 1))),
    '32FC1': (4, 1, 2, (1, 1)),
    '32FC3': (4, 3, 2, (1, 1)),
    **dict.fromkeys(('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'), (1, 2, 2, (1, 2))),
    **dict.fromkeys(('nv12', 'nv21'), (1, 1, 3, (2, 2))),
    'nv24': (1, 1, 6, (1, 1)),
    **{f'bayer_{p}8': (1, 1, 2, (1, 1)) for p in ('rggb', 'bggr', 'gbrg', 'grbg')},
    **{f'bayer_{p}16': (2, 1, 2, (1, 1)) for p in ('rggb', 'bggr', 'gbrg', 'grbg')},
}
SMALLEST_MOSAIC = 3
ORDERS = {'rgb8': [0, 1, 2], 'bgr8': [2, 1, 0], 'rgba8': [0, 1, 2], 'bgra8': [2, 1, 0]}
NOBODY_KNOWS = (
    '',
    ' ',
    'rgb8 ',
    'RGB8',
    'rgb8\N{FULLWIDTH DIGIT EIGHT}',
    'bayer_',
    'mono8\n',
    'größe8',
    '彩色8',
    '🚗',
    "rgb8'; DROP TABLE images",
    '%s%n%x',
    '../../etc/passwd',
    'a' * 20_000,
)
HUGE = (65_536, 2**20, 2**31 - 1, 2**31, 2**32 - 1)


def _usual(rng: np.random.Generator, encoding: str = '') -> Fields:
    """Return a message without fault, of random size, encoding, content and byte order."""
    encoding = encoding or tuple(LAYOUTS)[rng.integers(len(LAYOUTS))]
    itemsize, channels, rows_of_two, multiple = LAYOUTS[encoding]
    least = SMALLEST_MOSAIC if encoding.startswith('bayer') else 1
    height, width = (
        int(rng.integers(-(-least // of), LARGEST_SIDE // of + 1)) * of for of in multiple
    )
    step = width * channels * itemsize
    rows = height * rows_of_two // 2
    is_big = int(rng.integers(2))
    return {
        'height': height,
        'width': width,
        'encoding': encoding,
        'is_bigendian': is_big,
        'step': step,
        'data': _floats(rng, rows * width * channels, is_big)
        if itemsize == 4
        else rng.bytes(rows * step),
    }


def _floats(rng: np.random.Generator, count: int, is_big: int) -> bytes:
    return rng.random(count, np.float32).astype('>f4' if is_big else '<f4').tobytes()


def _as_it_should_be(rng: np.random.Generator) -> Made:
    return 'good', _usual(rng), None


def _known_colours(rng: np.random.Generator) -> Made:
    """Return one whose pixels can be told without a decoder."""
    encoding = tuple(ORDERS)[rng.integers(len(ORDERS))]
    fields = _usual(rng, encoding)
    shape = (fields['height'], fields['width'], -1)
    values = np.frombuffer(fields['data'], np.uint8).reshape(shape)
    return 'good', fields, values[:, :, ORDERS[encoding]]


def _padded(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    itemsize = LAYOUTS[fields['encoding']][0]
    rows = np.frombuffer(fields['data'], np.uint8).reshape(-1, fields['step'])
    more = itemsize * int(rng.integers(1, 17))
    fields['data'] = np.pad(rows, ((0, 0), (0, more))).tobytes()
    fields['step'] += more
    return 'good', fields, None


def _short_rows(rng: np.random.Generator) -> Made:
    """Return one whose rows cannot hold its width, with just as much data."""
    fields = _usual(rng)
    rows = len(fields['data']) // fields['step']
    fields['step'] -= int(rng.integers(1, fields['step'] + 1))
    fields['data'] = fields['data'][: rows * fields['step']]
    return 'bad', fields, None


def _wrong_step(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    steps = (0, fields['step'] + 1, fields['step'] * 2, 2**32 - 1, fields['step'] - 1)
    fields['step'] = steps[rng.integers(len(steps))]
    return 'bad', fields, None


def _half_a_value(rng: np.random.Generator) -> Made:
    """Return one whose rows end in the middle of a 16-bit value."""
    fields = _usual(rng, 'rgb16')
    fields['step'] += 1
    fields['data'] = bytes(fields['step'] * fields['height'])
    return 'bad', fields, None


def _cut(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields['data'] = fields['data'][: rng.integers(len(fields['data']))]
    return 'bad', fields, None


def _too_much(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields['data'] += rng.bytes(int(rng.integers(1, 5000)))
    return 'bad', fields, None


def _taller(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields['height'] += int(rng.integers(1, 100)) * 2
    return 'bad', fields, None


def _wider(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields['width'] += int(rng.integers(1, 100)) * 2
    return 'bad', fields, None


def _no_pixels(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields[('height', 'width')[rng.integers(2)]] = 0
    if rng.integers(2):
        fields['data'] = b''
    return 'bad', fields, None


def _huge(rng: np.random.Generator) -> Made:
    """Return one that announces more than there is memory, or a product that overflows."""
    fields = _usual(rng)
    fields['height'], fields['width'] = (int(one) for one in rng.choice(HUGE, 2))
    fields['step'] = (fields['step'], 0, 2**32 - 1, fields['width'] * 3 % 2**32)[rng.integers(4)]
    return 'bad', fields, None


def _unknown(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields['encoding'] = NOBODY_KNOWS[rng.integers(len(NOBODY_KNOWS))]
    fields['data'] = bytes(fields['height'] * fields['step'])
    return 'bad', fields, None


def _other_encoding(rng: np.random.Generator) -> Made:
    fields = _usual(rng)
    fields['encoding'] = tuple(LAYOUTS)[rng.integers(len(LAYOUTS))]
    return 'either', fields, None


def _no_numbers(rng: np.random.Generator) -> Made:
    """Return floats among which is one that is no level of grey."""
    fields = _usual(rng, ('32FC1', '32FC3')[rng.integers(2)])
    kind = '>f4' if fields['is_bigendian'] else '<f4'
    values = np.frombuffer(fields['data'], kind).copy()
    odd = (np.nan, np.inf, -np.inf, -1.0, 2.0, 255.0, 3e38, -3e38)
    values[rng.integers(values.size)] = odd[rng.integers(len(odd))]
    fields['data'] = values.tobytes()
    return 'bad', fields, None


def _any_floats(rng: np.random.Generator) -> Made:
    """Return random bits that are said to be floats."""
    fields = _usual(rng, '32FC3')
    fields['data'] = rng.bytes(len(fields['data']))
    return 'either', fields, None


def _any_fields(rng: np.random.Generator) -> Made:
    sizes = (0, 1, 2, 3, 7, 64, 65_535, *HUGE)
    height, width, step = (int(one) for one in rng.choice(sizes, 3))
    encodings = (*LAYOUTS, *NOBODY_KNOWS)
    fields = {
        'height': height,
        'width': width,
        'encoding': encodings[rng.integers(len(encodings))],
        'is_bigendian': int(rng.integers(256)),
        'step': step,
        'data': rng.bytes(int(rng.integers(200))),
    }
    return 'either', fields, None


RAW_TRICKS: dict[str, Trick] = {
    'as it should be': _as_it_should_be,
    'known colours': _known_colours,
    'padded rows': _padded,
    'rows too short': _short_rows,
    'wrong step': _wrong_step,
    'half a value': _half_a_value,
    'cut short': _cut,
    'too much data': _too_much,
    'taller than its data': _taller,
    'wider than its rows': _wider,
    'no pixels': _no_pixels,
    'huge': _huge,
    'unknown encoding': _unknown,
    'another encoding': _other_encoding,
    'no numbers': _no_numbers,
    'any floats': _any_floats,
    'any fields': _any_fields,
}
