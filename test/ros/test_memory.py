# SPDX-License-Identifier: Apache-2.0
"""Memory goes back to the operating system when a node is cleaned up."""

from __future__ import annotations

import json
import os
from pathlib import Path
import platform
import subprocess
import sys

import pytest

from seg_node.ros.vitals.memory import release_memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='there is no glibc')

MEGABYTE = 1 << 20
TESTS = Path(__file__).parents[1]
NOISE_MB = 15.0
"""Of 150 MB and more that a configured node takes."""
# A node that is configured, gets images and is cleaned up, twice; it tells RssAnon at each point.
CYCLES = """
import json
import numpy as np
from seg_node.ros.transport import keep_large_blocks
keep_large_blocks()
from ros.rig import Rig

def megabytes():
    with open('/proc/self/status') as lines:
        (line,) = (line for line in lines if line.startswith('RssAnon'))
    return int(line.split()[1]) / 1024

rig = Rig({'autostart': False, 'engine': 'onnxruntime', 'threads': 1})
image = rig.image(np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8))
seen = [megabytes()]
for _ in range(2):
    rig.node.trigger_configure()
    rig.node.trigger_activate()
    for topic in ('segmentation/mask', 'segmentation/overlay', 'segmentation/entropy'):
        if topic not in rig.heard:
            rig.listen(topic)
    rig.until(lambda: len(rig.outputs.wanted().topics) == 3, 'the node sees its listeners')
    for _ in range(3):
        rig.send(image)
        rig.answer('segmentation/entropy', image)
        for heard in rig.heard.values():
            heard.clear()
    seen.append(megabytes())
    rig.node.trigger_deactivate()
    rig.node.trigger_cleanup()
    seen.append(megabytes())
rig.close()
print(json.dumps(seen))
"""


@glibc
@pytest.mark.needs_ros
@pytest.mark.needs_onnxruntime
def test_cleanup_gives_back_what_configuration_and_images_took() -> None:
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    run = subprocess.run(
        [sys.executable, '-c', CYCLES],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    first, working, cleaned, working_again, cleaned_again = json.loads(run.stdout.splitlines()[-1])

    # The first configuration also loads libraries, which stay.
    assert working - cleaned > 0.6 * (working - first)
    assert working_again - cleaned > 5 * NOISE_MB
    assert cleaned_again == pytest.approx(cleaned, abs=NOISE_MB)


@glibc
def test_release_memory_returns_what_was_freed_in_the_middle_of_the_heap() -> None:
    code = f"""
from seg_node.ros.transport import keep_large_blocks
from seg_node.ros.vitals.memory import release_memory
keep_large_blocks()

def pages():
    with open('/proc/self/statm') as line:
        return int(line.read().split()[1]) * 4096 // {MEGABYTE}

before = pages()
blocks = [bytearray(b'x' * (8 << 20)) for _ in range(16)]
last = bytearray(b'x' * (1 << 20))  # holds the end of the heap
del blocks
kept = pages() - before
assert release_memory()
print(kept, pages() - before)
"""
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)

    kept, left = map(int, out.stdout.split())

    assert kept > 100
    assert left < 20


def test_release_memory_outside_linux_says_that_nothing_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, 'platform', 'darwin')

    assert not release_memory()
