# SPDX-License-Identifier: Apache-2.0
"""What an installation says where the extension cannot be compiled."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]


def build(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Build the extension with a compiler that always fails."""
    command = [sys.executable, 'setup.py', '--quiet', 'build_ext']
    command += ['--build-lib', str(folder), '--build-temp', str(folder)]
    compilers = {'CC': 'false', 'CXX': 'false', **variables}
    environment = {**os.environ, 'SEG_NODE_REQUIRE_NATIVE': '0', **compilers}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not (ROOT / 'setup.py').exists(), reason='not a source tree')
def test_without_a_compiler_the_installation_goes_on_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    done = build(tmp_path)

    assert done.returncode == 0, done.stderr
    assert 'installed without its extension in C++' in done.stderr
    assert 'apt install g++' in done.stderr
    assert not list(tmp_path.rglob('*.so'))


@pytest.mark.skipif(not (ROOT / 'setup.py').exists(), reason='not a source tree')
def test_where_the_extension_is_required_a_compiler_is_too(tmp_path: Path) -> None:
    done = build(tmp_path, SEG_NODE_REQUIRE_NATIVE='1')

    assert done.returncode != 0
    assert 'false' in done.stderr
