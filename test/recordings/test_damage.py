# SPDX-License-Identifier: Apache-2.0
"""Recordings that are damaged, cut short or in parts: what can be read is read, the rest is told.

Drives are written by rosbags and damaged byte by byte, as a killed recorder or a bad disk does.
"""

from __future__ import annotations

from contextlib import closing
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING

from lz4 import frame as lz4
import numpy as np
import pytest

from bags import write_recording
from seg_node.errors import BagError
from tiny import scene

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    zstd = pytest.importorskip('backports.zstd')

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.needs_rosbags

FRAMES = 12
SIZE = (300, 400)  # three frames fill a chunk of rosbags' writer, of a megabyte
START_NS, STEP_NS = 10**18, 10**8
STORAGES = ['mcap', 'sqlite3']


@pytest.fixture
def reader() -> ModuleType:
    """The module under test; it needs rosbags."""
    from seg_node.recordings import reader  # noqa: PLC0415

    return reader


@pytest.fixture(params=STORAGES)
def drive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write a drive of twelve frames."""
    return written(tmp_path / 'drive', request.param)


def written(folder: Path, storage: str = 'mcap', first: int = 0) -> Path:
    image = scene(SIZE)[0]
    stamps = [START_NS + (first + index) * STEP_NS for index in range(FRAMES)]
    return write_recording(folder, {'/eye': [(one, image) for one in stamps]}, storage=storage)


def storage_of(drive: Path) -> Path:
    return next(path for path in drive.iterdir() if path.suffix in ('.mcap', '.db3'))


def numbers(reader: ModuleType, drive: Path) -> tuple[list[int], list[str]]:
    """Return which frames can be read, and what is told of the damage."""
    recording = reader.Recording(drive)
    found = []
    for one in recording.messages(['/eye']):
        message = recording.deserialize(one)
        found.append((reader.stamp_of(message, one.log_ns) - START_NS) // STEP_NS)
        assert reader.decode(one, message).shape == (*SIZE, 3)
    return found, recording.damage


def test_whole_drive_has_no_damage(reader: ModuleType, drive: Path) -> None:
    assert numbers(reader, drive) == (list(range(FRAMES)), [])


@pytest.mark.parametrize('storage', STORAGES)
def test_drive_without_metadata_is_read_from_its_files(
    reader: ModuleType, tmp_path: Path, storage: str
) -> None:
    drive = written(tmp_path / 'drive', storage)
    (drive / 'metadata.yaml').unlink()

    found, damage = numbers(reader, drive)

    assert found == list(range(FRAMES))
    assert 'metadata.yaml is missing' in damage[0]
    assert reader.camera_topic(drive) == '/eye'
    assert reader.Recording(drive).topics['/eye'].messages == FRAMES


def test_drive_with_unreadable_metadata_is_read_from_its_files(
    reader: ModuleType, drive: Path
) -> None:
    (drive / 'metadata.yaml').write_text('rosbag2_bagfile_information: {version', encoding='utf-8')

    found, damage = numbers(reader, drive)

    assert found == list(range(FRAMES))
    assert 'metadata.yaml cannot be read' in damage[0]


@pytest.mark.parametrize('lost', ['', 'metadata.yaml'])
def test_mcap_without_its_end_is_read_up_to_there(
    reader: ModuleType, tmp_path: Path, lost: str
) -> None:
    """A recorder that is killed leaves no footer, and mostly half a record."""
    drive = written(tmp_path / 'drive')
    file = storage_of(drive)
    whole = file.read_bytes()
    cut = len(whole) * 2 // 5  # in the second of four chunks
    file.write_bytes(whole[:cut])
    if lost:
        (drive / lost).unlink()

    found, damage = numbers(reader, drive)

    assert found == [0, 1, 2]
    assert any('up to byte' in one and str(cut) in one for one in damage)


def test_changed_byte_in_a_chunk_costs_the_frames_of_that_chunk(
    reader: ModuleType, tmp_path: Path
) -> None:
    drive = packed_by_chunk(tmp_path / 'drive')
    file = storage_of(drive)
    data = bytearray(file.read_bytes())
    second = chunk_offsets(bytes(data))[1]
    data[second + 200] ^= 0xFF
    file.write_bytes(data)

    found, damage = numbers(reader, drive)

    assert found == [0, 1, 2, 6, 7, 8, 9, 10, 11]
    assert f'The chunk at byte {second} is damaged' in damage[0]


def test_lost_end_of_sqlite_costs_the_last_frames(reader: ModuleType, tmp_path: Path) -> None:
    drive = written(tmp_path / 'drive', 'sqlite3')
    file = storage_of(drive)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 9 // 10])

    found, damage = numbers(reader, drive)

    assert FRAMES // 2 <= len(found) < FRAMES
    assert found == list(range(len(found)))
    assert 'damaged' in damage[0]


def test_changed_page_of_sqlite_does_not_cost_the_frames_behind(
    reader: ModuleType, tmp_path: Path
) -> None:
    drive = written(tmp_path / 'drive', 'sqlite3')
    file = storage_of(drive)
    data = bytearray(file.read_bytes())
    place = data.find(b'camera', len(data) // 2)
    page = place // 4096 * 4096
    data[page : page + 64] = b'\xff' * 64
    file.write_bytes(data)

    found, damage = numbers(reader, drive)

    assert 1 <= len(found) < FRAMES
    assert found == list(range(FRAMES - len(found), FRAMES))
    assert 'cannot be read' in damage[0]


@pytest.mark.parametrize('mode', ['wal', 'delete'])
def test_journal_beside_sqlite_is_put_in_its_place(
    reader: ModuleType, tmp_path: Path, mode: str
) -> None:
    """The files as they lie there when the recorder is killed while it writes."""
    drive = written(tmp_path / 'drive', 'sqlite3')
    file = storage_of(drive)
    killed = tmp_path / 'killed'
    with closing(sqlite3.connect(file)) as base:
        base.execute(f'PRAGMA journal_mode={mode}')
        base.execute('PRAGMA cache_size=1')
        if mode == 'wal':
            base.execute('DELETE FROM messages WHERE id > 8')
            base.commit()
        else:
            base.execute('DELETE FROM messages WHERE id > 2')  # never committed
        shutil.copytree(drive, killed)
    before = {path.name: path.read_bytes() for path in killed.iterdir()}

    found, damage = numbers(reader, killed)

    assert found == list(range(8 if mode == 'wal' else FRAMES))
    assert any('recorder was killed' in one for one in damage)
    assert {path.name: path.read_bytes() for path in killed.iterdir()} == before


@pytest.mark.parametrize('missing', [0, 1, 2])
def test_split_drive_with_a_missing_file_is_read_without_it(
    reader: ModuleType, tmp_path: Path, missing: int
) -> None:
    drive = split(tmp_path)
    (drive / f'drive_{missing}.mcap').unlink()

    found, damage = numbers(reader, drive)

    kept = [part for part in range(3) if part != missing]
    assert found == [FRAMES * part + index for part in kept for index in range(FRAMES)]
    assert damage == [f"The file 'drive_{missing}.mcap', a part of it, is missing."]


def test_file_of_a_split_drive_that_is_none_is_left_out(
    reader: ModuleType, tmp_path: Path
) -> None:
    drive = split(tmp_path)
    (drive / 'drive_1.mcap').write_bytes(b'')

    found, damage = numbers(reader, drive)

    assert found == [*range(FRAMES), *range(2 * FRAMES, 3 * FRAMES)]
    assert "'drive_1.mcap' cannot be read and was left out" in damage[0]


def test_split_drive_is_in_the_order_of_its_numbers_without_metadata(
    reader: ModuleType, tmp_path: Path
) -> None:
    drive = tmp_path / 'drive'
    drive.mkdir()
    for part in (2, 10):
        storage_of(written(tmp_path / f'part{part}', first=part * FRAMES)).rename(
            drive / f'drive_{part}.mcap'
        )

    found, _ = numbers(reader, drive)

    assert found == [*range(2 * FRAMES, 3 * FRAMES), *range(10 * FRAMES, 11 * FRAMES)]


@pytest.mark.parametrize('packing', ['zstd', 'lz4'])
def test_drive_that_was_compressed_as_a_file_is_unpacked(
    reader: ModuleType, drive: Path, packing: str
) -> None:
    compress(drive, packing)

    assert numbers(reader, drive) == (list(range(FRAMES)), [])


@pytest.mark.parametrize('packing', ['zstd', 'lz4'])
def test_compressed_file_that_was_cut_is_read_up_to_there(
    reader: ModuleType, tmp_path: Path, packing: str
) -> None:
    drive = written(tmp_path / 'drive')
    noisy(drive)
    file = compress(drive, packing)
    file.write_bytes(file.read_bytes()[:-20_000])

    found, damage = numbers(reader, drive)

    assert 0 < len(found) < FRAMES
    assert found == list(range(len(found)))
    assert 'can be unpacked only up to a point' in damage[0]


@pytest.mark.parametrize('storage', STORAGES)
def test_messages_that_were_compressed_one_by_one_are_unpacked(
    reader: ModuleType, tmp_path: Path, storage: str
) -> None:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode  # noqa: PLC0415

    drive = packed(tmp_path / 'drive', storage, CompressionMode.MESSAGE, CompressionFormat.ZSTD)

    assert numbers(reader, drive) == (list(range(FRAMES)), [])


def test_chunks_that_were_compressed_are_unpacked(reader: ModuleType, tmp_path: Path) -> None:
    assert numbers(reader, packed_by_chunk(tmp_path / 'drive')) == (list(range(FRAMES)), [])


def test_no_byte_of_an_mcap_file_can_make_reading_fail_otherwise(
    reader: ModuleType, tmp_path: Path
) -> None:
    """Bytes are changed all over the file; each time it is read, or refused as a recording."""
    drive = written(tmp_path / 'drive')
    file = storage_of(drive)
    whole = file.read_bytes()
    counts = set()
    for position in [*range(120), *range(0, len(whole), len(whole) // 40), *range(-400, 0, 5)]:
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        file.write_bytes(damaged)
        recording = reader.Recording(drive)
        try:
            counts.add(len(list(recording.messages(['/eye']))))
        except BagError:
            counts.add(-1)

    assert {-1, FRAMES} <= counts


def split(tmp_path: Path) -> Path:
    """Write a drive of three files, with the metadata that a recorder writes."""
    import yaml  # noqa: PLC0415

    drive = tmp_path / 'drive'
    drive.mkdir()
    for part in range(3):
        one = written(tmp_path / f'part{part}', first=part * FRAMES)
        storage_of(one).rename(drive / f'drive_{part}.mcap')
    metadata = yaml.safe_load((tmp_path / 'part0' / 'metadata.yaml').read_text(encoding='utf-8'))
    info = metadata['rosbag2_bagfile_information']
    info['relative_file_paths'] = [f'drive_{part}.mcap' for part in range(3)]
    info['topics_with_message_count'][0]['message_count'] = 3 * FRAMES
    (drive / 'metadata.yaml').write_text(yaml.safe_dump(metadata), encoding='utf-8')
    return drive


def compress(drive: Path, packing: str) -> Path:
    """Compress the storage as rosbag2's compression mode FILE does."""
    import yaml  # noqa: PLC0415

    file = storage_of(drive)
    pack = {'zstd': zstd.compress, 'lz4': lz4.compress}[packing]
    result = file.with_name(f'{file.name}.{packing}')
    result.write_bytes(pack(file.read_bytes()))
    file.unlink()
    metadata = yaml.safe_load((drive / 'metadata.yaml').read_text(encoding='utf-8'))
    info = metadata['rosbag2_bagfile_information']
    info['relative_file_paths'] = [result.name]
    info |= {'compression_mode': 'FILE', 'compression_format': packing}
    (drive / 'metadata.yaml').write_text(yaml.safe_dump(metadata), encoding='utf-8')
    return result


def noisy(drive: Path) -> None:
    """Replace the pixels of a drive, which compress too well to be cut, by noise."""
    shutil.rmtree(drive)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (FRAMES, *SIZE, 3), np.uint8)
    frames = [(START_NS + index * STEP_NS, image) for index, image in enumerate(noise)]
    write_recording(drive, {'/eye': frames})


def packed_by_chunk(folder: Path) -> Path:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode  # noqa: PLC0415

    return packed(folder, 'mcap', CompressionMode.STORAGE, CompressionFormat.ZSTD)


def packed(folder: Path, storage: str, mode: object, packing: object) -> Path:
    """Write the drive again with a compression of rosbags."""
    from rosbags.rosbag2 import Reader, StoragePlugin, Writer  # noqa: PLC0415
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415

    plain = written(folder.with_name('plain'), storage)
    plugin = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}[storage]
    writer = Writer(folder, version=8, storage_plugin=plugin)
    writer.set_compression(mode, packing)  # type: ignore[arg-type] # imported where needed
    with Reader(plain) as reader, writer:
        kind = 'sensor_msgs/msg/Image'
        store = get_typestore(Stores.ROS2_HUMBLE)
        connection = writer.add_connection('/eye', kind, typestore=store)
        for _, log_ns, data in reader.messages():
            writer.write(connection, log_ns, data)
    return folder


def chunk_offsets(data: bytes) -> list[int]:
    """Return where the chunks of an mcap file begin, by its own walk over the records."""
    found, position = [], 8
    while position < len(data) - 8:
        if data[position] == 0x06:
            found.append(position)
        position += 9 + int.from_bytes(data[position + 1 : position + 9], 'little')
    return found
