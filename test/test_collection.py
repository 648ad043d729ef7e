# SPDX-License-Identifier: Apache-2.0
"""A test file that cannot be imported is a failure, never a skip."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import sys

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ('code', 'status'),
    [
        pytest.param('def test_nothing(): pass', 0, id='whole'),
        pytest.param('import no_such_module', 2, id='broken'),
    ],
)
def test_a_broken_test_file_is_noticed(tmp_path: Path, code: str, status: int) -> None:
    shutil.copy(HERE / 'conftest.py', tmp_path)
    shutil.copy(HERE.parent / 'pyproject.toml', tmp_path)
    (tmp_path / 'test').mkdir()
    shutil.copy(HERE / 'chromium.py', tmp_path / 'test')  # conftest.py imports it
    (tmp_path / 'test_one.py').write_text(code, encoding='utf-8')

    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == status, done.stdout
