# SPDX-License-Identifier: Apache-2.0
"""Small files that become huge images: refused by their headers, in no time and no memory."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING
import zlib

import cv2
import numpy as np
import pytest

from seg_node.cli import main as command_line
from seg_node.errors import DatasetError, ImageError, ParameterError
from seg_node.imaging import decode_compressed, MAX_PIXELS
from seg_node.imaging.headers import read_header
from seg_node.pipeline.mounting import read_own_vehicle_mask
from seg_node.recordings.images import image_files, image_frames
from seg_node.ros import main as node

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 50_000
JPEG_SIDE = 65_500  # what libjpeg takes at most
WEBP_SIDE = 16_383
START_OF_FRAME = b'\xff\xc0'
KILOBYTES = 1024
LIMIT = 'OPENCV_IO_MAX_IMAGE_PIXELS'
# What the node's executable has done when it starts the node.
START = f"""
import os, sys, types
def serve(argv, profile):
    print(os.environ['{LIMIT}'], 'cv2' in sys.modules)
    return 0
sys.modules['seg_node.ros.serve'] = types.SimpleNamespace(serve=serve)
from seg_node.ros.main import main
main(['seg_node'])
"""


def png_bomb() -> bytes:
    """Return a whole, correct PNG of 50,000 x 50,000 black pixels, one bit each."""
    packer = zlib.compressobj(1)
    row = bytes(1 + SIDE // 8)
    rows = b''.join(packer.compress(row * 500) for _ in range(SIDE // 500)) + packer.flush()
    header = struct.pack('>IIBBBBB', SIDE, SIDE, 1, 0, 0, 0, 0)
    chunks = [(b'IHDR', header), (b'IDAT', rows), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))
        for kind, body in chunks
    )


def jpeg_bomb() -> bytes:
    """Return a JPEG of a few pixels whose header announces billions."""
    data = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    at = data.index(START_OF_FRAME) + 5
    return data[:at] + struct.pack('>HH', JPEG_SIDE, JPEG_SIDE) + data[at + 4 :]


def webp_bomb() -> bytes:
    """Return a lossless WebP whose header announces the largest size there is."""
    done, code = cv2.imencode('.webp', np.zeros((8, 8, 3), np.uint8), [64, 101])
    assert done
    data = bytearray(code.tobytes())
    at = data.index(b'VP8L') + 9
    (bits,) = struct.unpack_from('<I', data, at)
    side = WEBP_SIDE - 1
    struct.pack_into('<I', data, at, bits & ~0xFFFFFFF | side << 14 | side)
    return bytes(data)


BOMBS = {'png': png_bomb, 'jpeg': jpeg_bomb, 'webp': webp_bomb}


@pytest.mark.parametrize('codec', BOMBS)
def test_message_with_a_bomb_is_refused_before_it_is_decoded(codec: str) -> None:
    data = BOMBS[codec]()
    assert len(data) < 2_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ImageError, match=f'at most {MAX_PIXELS} pixels'):
        decode_compressed(SimpleNamespace(format=codec, data=data))

    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * KILOBYTES < 10_000_000


def test_mask_of_the_own_vehicle_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'mask.png'
    path.write_bytes(png_bomb())

    with pytest.raises(ParameterError, match=f'at most {MAX_PIXELS} pixels'):
        read_own_vehicle_mask(path)


def jpeg_with_two_frames(between: int | None = None) -> bytes:
    """Return a JPEG that announces billions of pixels, and then the few that it has.

    Args:
        between: A marker before the first announcement, which claims to have a length as others
            have, and reaches up to the second one, in a comment; None for two in a row.
    """
    small = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    at = small.index(START_OF_FRAME)
    (length,) = struct.unpack_from('>H', small, at + 2)
    frame = small[at : at + 2 + length]
    huge = frame[:5] + struct.pack('>HH', JPEG_SIDE, JPEG_SIDE) + frame[9:]
    if between is None:
        return small[:at] + huge + small[at:]
    comment = b'\xff\xfe' + struct.pack('>H', 2 + len(frame))
    bare = bytes((0xFF, between)) + struct.pack('>H', 2 + len(huge + comment))
    return small[:at] + bare + huge + comment + frame + small[at + len(frame) :]


@pytest.mark.parametrize('between', [None, 0x00, 0x01, 0xD0, 0xD7, 0xD8, 0xD9])
def test_second_frame_header_in_a_jpeg_is_no_way_around(between: int | None) -> None:
    """Decoders take some markers for bare ones, and then the bytes behind them for others."""
    data = jpeg_with_two_frames(between)

    with pytest.raises(ImageError, match=r'damaged: (.* size 2 times|marker 0x)'):
        read_header(data)


def test_folder_of_images_is_read_without_the_bomb_in_it(tmp_path: Path) -> None:
    (tmp_path / 'bomb.png').write_bytes(png_bomb())
    cv2.imwrite(str(tmp_path / 'good.png'), np.zeros((8, 8, 3), np.uint8))
    skipped: list[str] = []

    frames = list(image_frames(image_files(tmp_path), skipped))

    assert len(frames) == 1
    assert skipped == ['bomb.png']


@pytest.mark.needs_rosbags
def test_bomb_among_recorded_labels_is_a_damaged_label() -> None:
    from seg_node.recordings.reader import COMPRESSED  # noqa: PLC0415
    from seg_node.replay.truth import label_pixels  # noqa: PLC0415

    found: Any = SimpleNamespace(kind=COMPRESSED, topic='/labels', log_ns=1)

    with pytest.raises(DatasetError, match='damaged'):
        label_pixels(
            found, SimpleNamespace(format='png', data=np.frombuffer(png_bomb(), np.uint8))
        )


def test_opencv_itself_refuses_what_is_too_large_in_commands_and_in_the_node() -> None:
    """It reads the variable when it is loaded, so that must not come first."""
    printed = subprocess.run([sys.executable, '-c', START], capture_output=True, check=True).stdout

    assert printed.decode().split() == [str(MAX_PIXELS), 'False']
    assert command_line.MOST_PIXELS == node.MOST_PIXELS == str(MAX_PIXELS)
