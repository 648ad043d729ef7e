# SPDX-License-Identifier: Apache-2.0
"""The cache of engines, tried with real engine files of TensorRT for RTX."""

from __future__ import annotations

from dataclasses import replace
import errno
import json
import logging
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import IO

import pytest

pytest.importorskip('onnx')

from seg_node.engines.tensorrt import engine_cache
from seg_node.engines.tensorrt.engine_cache import (
    CachedEngine,
    default_folder,
    EngineCache,
    EngineKey,
)
from seg_node.errors import EngineError
from small_engine import small_engine

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_tensorrt_rtx]

KEY = EngineKey(
    bundle='street/v1',
    network='ab12',
    library='tensorrt_rtx 1.7.1.116',
    gpu='any',
    driver='any',
    platform='linux x86_64',
    precision='fp16',
    shapes='image 1x32x64x3 1x32x64x3 4x32x64x3',
    options='workspace all',
)
# A process that shares the cache: it says when it builds, takes its time, and prints the engine.
BUILDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from seg_node.engines.tensorrt.engine_cache import EngineCache
from small_engine import small_engine
from test_key import KEY
def build():
    Path(sys.argv[1], f'built-{sys.argv[2]}').touch()
    time.sleep(float(sys.argv[4]))
    return small_engine()
found = EngineCache(Path(sys.argv[1], 'cache')).get_or_build(KEY, build)
print(found.reused, found.path, len(found.data))
"""


def never() -> bytes:
    """Stand where an engine must not be built."""
    pytest.fail('the engine was built again')


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / 'cache')


@pytest.fixture
def stored(cache: EngineCache) -> Path:
    found = cache.get_or_build(KEY, small_engine)
    assert found.path is not None
    return found.path


def quarantined(cache: EngineCache) -> list[Path]:
    """Return the engines that were put aside."""
    return sorted((cache.folder / 'quarantine').glob('*'))


def test_an_engine_is_built_once_and_then_comes_from_the_disk(cache: EngineCache) -> None:
    first = cache.get_or_build(KEY, small_engine)
    second = cache.get_or_build(KEY, never)

    assert not first.reused
    assert second == CachedEngine(small_engine(), first.path, reused=True)


def test_folder_and_engines_are_private(cache: EngineCache, stored: Path) -> None:
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert stored.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('network', 'cd34'),
        ('library', 'tensorrt_rtx 1.8.0.1'),
        ('gpu', 'NVIDIA H200 (9.0)'),
        ('driver', '13.1'),
        ('platform', 'linux aarch64'),
        ('precision', 'fp32'),
        ('shapes', 'image 1x32x128x3'),
        ('options', 'workspace 64'),
        ('bundle', 'other'),
    ],
)
@pytest.mark.usefixtures('stored')
def test_whatever_differs_it_is_another_engine(cache: EngineCache, field: str, value: str) -> None:
    other = replace(KEY, **{field: value})

    assert cache.load(other) is None
    assert cache.load(KEY) == small_engine()
    assert quarantined(cache) == []


@pytest.mark.parametrize('length', [0, 10, 64, -1])
def test_a_truncated_engine_is_put_aside_and_built_again(
    cache: EngineCache, stored: Path, length: int
) -> None:
    stored.write_bytes(small_engine()[:length])

    found = cache.get_or_build(KEY, small_engine)

    assert not found.reused
    assert len(quarantined(cache)) == 1
    assert cache.get_or_build(KEY, never).data == small_engine()


@pytest.mark.parametrize('where', [0, 20, 5000, -1])
def test_a_single_flipped_bit_is_noticed(
    cache: EngineCache, stored: Path, where: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = bytearray(small_engine())
    data[where] ^= 1
    stored.write_bytes(data)

    assert cache.load(KEY) is None
    assert len(quarantined(cache)) == 1
    assert 'does not have the checksum' in caplog.text


def test_an_engine_in_the_place_of_another_is_noticed(
    cache: EngineCache, stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two bundles: the whole folder of one is renamed to that of the other."""
    other = replace(KEY, network='cd34')
    stored.parent.rename(cache.folder / other.name)

    assert cache.load(other) is None
    assert "another engine: network is 'ab12', expected 'cd34'" in caplog.text


def test_an_engine_of_an_older_library_under_a_new_name_is_noticed(
    cache: EngineCache, stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upgraded = replace(KEY, library='tensorrt_rtx 1.8.0.1')
    stored.parent.rename(cache.folder / upgraded.name)

    assert not cache.get_or_build(upgraded, small_engine).reused
    assert "library is 'tensorrt_rtx 1.7.1.116', expected" in caplog.text


@pytest.mark.parametrize(
    'text', ['', '{', '[]', '{"format": 1}', '{"format": 1, "key": 3, "sha256": ""}']
)
def test_a_damaged_sidecar_is_noticed(cache: EngineCache, stored: Path, text: str) -> None:
    (stored.parent / 'engine.json').write_text(text)

    assert cache.load(KEY) is None
    assert len(quarantined(cache)) == 1


def test_a_sidecar_of_a_later_format_is_not_trusted(cache: EngineCache, stored: Path) -> None:
    sidecar = stored.parent / 'engine.json'
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), 'format': 2}))

    assert cache.load(KEY) is None


@pytest.mark.parametrize('name', ['engine.bin', 'engine.json'])
def test_half_an_entry_is_put_aside(cache: EngineCache, stored: Path, name: str) -> None:
    (stored.parent / name).unlink()

    assert cache.load(KEY) is None
    assert not cache.get_or_build(KEY, small_engine).reused


def test_only_the_last_few_bad_engines_are_kept(cache: EngineCache) -> None:
    for _ in range(7):
        stored = cache.store(KEY, small_engine())
        stored.write_bytes(b'')
        cache.load(KEY)

    assert len(quarantined(cache)) == 4


def test_engines_that_were_not_used_for_longest_make_room(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_cache, 'MOST_ENGINES', 2)
    keys = [replace(KEY, network=str(index)) for index in range(3)]
    for index, key in enumerate(keys):
        entry = cache.store(key, small_engine()).parent
        os.utime(entry, (index, index))
        if index == 1:
            cache.load(keys[0])  # used again, so the second one is the oldest

    assert [cache.load(key) is not None for key in keys] == [True, False, True]


@pytest.mark.parametrize('full', ['engine.bin', 'engine.json'])
def test_on_a_full_disk_the_engine_is_returned_and_nothing_is_left(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    """The disk is full at the write itself, after half of the bytes."""
    write = engine_cache._write

    def write_half(path: Path, data: bytes) -> None:
        if path.name == full:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, 'No space left on device')
        write(path, data)

    monkeypatch.setattr(engine_cache, '_write', write_half)
    found = cache.get_or_build(KEY, small_engine)
    monkeypatch.undo()

    assert found.data == small_engine()
    assert found.path is None
    assert 'No space left on device' in found.unstored
    assert {path.suffix for path in cache.folder.iterdir()} == {'.lock'}
    assert not cache.get_or_build(KEY, small_engine).reused


def test_a_folder_that_cannot_be_made_keeps_no_one_from_the_engine(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    cache = EngineCache(tmp_path / 'file' / 'cache')

    found = cache.get_or_build(KEY, small_engine)

    assert found.data == small_engine()
    assert 'SEG_NODE_CACHE' in found.unstored


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_folder_that_is_only_readable_serves_engines_and_takes_none(
    cache: EngineCache, stored: Path
) -> None:
    cache.folder.chmod(0o500)
    try:
        assert cache.get_or_build(KEY, never).path == stored
        other = cache.get_or_build(replace(KEY, network='cd34'), small_engine)
    finally:
        cache.folder.chmod(0o700)

    assert 'Permission denied' in other.unstored


@pytest.mark.usefixtures('stored')
@pytest.mark.parametrize('mode', [0o777, 0o770, 0o707, 0o1777])
def test_engines_are_not_taken_from_a_folder_that_others_may_write_to(
    cache: EngineCache, mode: int
) -> None:
    cache.folder.chmod(mode)

    with pytest.raises(EngineError, match=r'other users may write to it .*chmod 700'):
        cache.load(KEY)
    with pytest.raises(EngineError, match='may carry code'):
        cache.get_or_build(KEY, small_engine)


def test_a_failing_build_leaves_nothing(cache: EngineCache) -> None:
    def fail() -> bytes:
        msg = 'no kernel'
        raise EngineError(msg)

    with pytest.raises(EngineError, match='no kernel'):
        cache.get_or_build(KEY, fail)

    assert not cache.get_or_build(KEY, small_engine).reused


def start(folder: Path, name: str, seconds: float) -> subprocess.Popen[str]:
    """Start a process that asks for the engine."""
    fields = {one: getattr(KEY, one) for one in KEY.__slots__}
    (folder / 'test_key.py').write_text(
        'from seg_node.engines.tensorrt.engine_cache import EngineKey\n'
        f'KEY = EngineKey(**{fields!r})\n'
    )
    tests = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, '-c', BUILDER, str(folder), name, tests, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(folder)},
    )


def wait_for(path: Path) -> None:
    """Wait until a process has said that it builds."""
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f'{path.name} did not appear'
        time.sleep(0.01)


def test_of_two_processes_one_builds_and_the_other_waits_for_it(tmp_path: Path) -> None:
    first = start(tmp_path, 'first', 1.0)
    wait_for(tmp_path / 'built-first')
    second = start(tmp_path, 'second', 1.0)
    said = [process.communicate(timeout=60) for process in (first, second)]

    assert [out.split()[0] for out, _ in said] == ['False', 'True'], said
    assert not (tmp_path / 'built-second').exists()
    assert 'Another process builds engine' in said[1][1]
    assert EngineCache(tmp_path / 'cache').load(KEY) == small_engine()


def test_a_killed_builder_leaves_no_lock_and_no_engine(tmp_path: Path) -> None:
    killed = start(tmp_path, 'killed', 60.0)
    wait_for(tmp_path / 'built-killed')
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    cache = EngineCache(tmp_path / 'cache')

    assert cache.load(KEY) is None
    assert not cache.get_or_build(KEY, small_engine).reused
    assert cache.get_or_build(KEY, never).reused


def test_what_a_writer_left_that_was_killed_is_removed(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill leaves no time to tidy up: here the tidying is left out."""

    def killed(path: Path, data: bytes) -> None:
        path.write_bytes(data[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(engine_cache, '_write', killed)
    monkeypatch.setattr('shutil.rmtree', lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        cache.store(KEY, small_engine())
    monkeypatch.undo()
    assert list(cache.folder.glob('.part-*'))

    assert cache.load(KEY) is None
    assert not cache.get_or_build(KEY, small_engine).reused
    assert not list(cache.folder.glob('.part-*'))


def test_a_bundle_with_an_odd_name_stays_in_the_folder(cache: EngineCache) -> None:
    path = cache.store(replace(KEY, bundle='../../etc/p y'), small_engine())

    assert path.parent.parent == cache.folder


def test_the_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv('SEG_NODE_CACHE', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_folder() == tmp_path / 'seg_node'

    monkeypatch.setenv('SEG_NODE_CACHE', '/opt/engines')
    assert default_folder() == Path('/opt/engines')


def test_a_file_system_without_locks_still_gives_the_engine(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(lock: IO[bytes], how: int) -> None:
        del lock, how
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr('fcntl.flock', no_locks)
    with caplog.at_level(logging.WARNING):
        found = cache.get_or_build(KEY, small_engine)

    assert found.data == small_engine()
    assert 'No locks available' in found.unstored


def test_an_engine_that_is_there_needs_no_lock(
    cache: EngineCache, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a folder that can only be read serves as well."""

    def no_locks(lock: IO[bytes], how: int) -> None:
        del lock, how
        raise OSError(errno.EROFS, 'Read-only file system')

    monkeypatch.setattr('fcntl.flock', no_locks)

    assert cache.get_or_build(KEY, never).path == stored
