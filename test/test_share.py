# SPDX-License-Identifier: Apache-2.0
"""Installed files are found in every layout; the installers themselves run in CI."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

from seg_node.errors import ShareError
from seg_node.share import share_path

REPOSITORY = Path(__file__).parents[1]
LAYOUTS = {
    'pip': 'lib/python3.12/site-packages',
    'debian': 'local/lib/python3.12/dist-packages',
    'target': '.',
}


def install(prefix: Path, packages: str) -> Path:
    """Copy the two files that share_path lives on, and one to be found; return the code folder."""
    code = prefix / packages
    (code / 'seg_node').mkdir(parents=True)
    for name in ('__init__.py', 'errors.py', 'share.py'):
        text = (REPOSITORY / 'seg_node' / name).read_text(encoding='utf-8')
        (code / 'seg_node' / name).write_text(text, encoding='utf-8')
    return code


def share(prefix: Path) -> Path:
    """Write what an installer puts under the prefix; return the folder with our files."""
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    folder = prefix / 'share' / 'seg_node'
    index.mkdir(parents=True)
    (folder / 'config').mkdir(parents=True)
    (index / 'seg_node').touch()
    (folder / 'package.xml').touch()
    (folder / 'config' / 'wanted.yaml').touch()
    return folder


def found(code: Path, ament_prefix_path: str = '') -> str:
    """Return what a fresh interpreter finds, or its error."""
    program = 'from seg_node.share import share_path; print(share_path("config", "wanted.yaml"))'
    environment = {'PYTHONPATH': str(code), 'AMENT_PREFIX_PATH': ament_prefix_path}
    done = subprocess.run(
        [sys.executable, '-c', program],
        capture_output=True,
        text=True,
        check=False,
        cwd=code,
        env=environment,
    )
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize('packages', LAYOUTS.values(), ids=LAYOUTS)
def test_share_path_finds_files_under_the_prefix_of_the_code(
    tmp_path: Path, packages: str
) -> None:
    code = install(tmp_path, packages)
    folder = share(tmp_path)

    assert found(code) == str(folder / 'config' / 'wanted.yaml')


def test_share_path_asks_the_ament_index_when_code_is_elsewhere(tmp_path: Path) -> None:
    code = install(tmp_path / 'code', LAYOUTS['pip'])
    folder = share(tmp_path / 'workspace')
    index = f'{tmp_path / "other"}::{tmp_path / "workspace"}'

    assert found(code, index) == str(folder / 'config' / 'wanted.yaml')


def test_share_path_prefers_the_files_of_the_running_code(tmp_path: Path) -> None:
    code = install(tmp_path / 'mine', LAYOUTS['pip'])
    mine = share(tmp_path / 'mine')
    share(tmp_path / 'sourced')

    assert found(code, str(tmp_path / 'sourced')) == str(mine / 'config' / 'wanted.yaml')


def test_share_path_names_all_places_when_a_file_is_missing(tmp_path: Path) -> None:
    code = install(tmp_path, LAYOUTS['pip'])

    text = found(code, str(tmp_path / 'sourced'))

    assert "'config/wanted.yaml' was not found" in text
    assert str(tmp_path / 'share' / 'seg_node') in text
    assert 'Install seg_node again' in text


def test_share_path_finds_the_source_tree() -> None:
    assert share_path('launch') == REPOSITORY / 'launch'
    assert share_path() == REPOSITORY


@pytest.mark.parametrize('part', ['/etc/passwd', '../outside', 'bundles/../../outside'])
def test_share_path_refuses_to_leave_its_folder(part: str) -> None:
    with pytest.raises(ShareError, match='relative to share/seg_node'):
        share_path(part)
