# SPDX-License-Identifier: Apache-2.0
"""The folder of snapshots: private, not redirected by others, not without end."""

from __future__ import annotations

import grp
import os
from pathlib import Path
import pwd
import shutil
from types import SimpleNamespace

import pytest

from seg_node.ros.parameters.table import find_spec
from seg_node.ros.snapshot_folder import LEAST_FREE, MOST_SNAPSHOTS, ready_folder

OTHER_USER = 12345


def test_new_folder_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = ready_folder(tmp_path / 'a' / 'b')

    assert folder == tmp_path / 'a' / 'b'
    assert folder.stat().st_mode & 0o777 == 0o700


def test_own_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'snapshots').symlink_to(tmp_path / 'disk')

    assert ready_folder(tmp_path / 'snapshots') == tmp_path / 'disk'


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can make links of other users')
@pytest.mark.parametrize('where', ['snapshots', 'snapshots/below'])
def test_link_of_another_user_is_refused_and_nothing_is_made(where: str, tmp_path: Path) -> None:
    (tmp_path / 'secret').mkdir()
    link = tmp_path / 'snapshots'
    link.symlink_to(tmp_path / 'secret')
    os.lchown(link, OTHER_USER, OTHER_USER)

    with pytest.raises(PermissionError, match=f'a link that user {OTHER_USER} has made'):
        ready_folder(tmp_path / where)
    assert list((tmp_path / 'secret').iterdir()) == []


def test_link_of_another_user_is_told_by_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same without root: we are somebody else than who made the link."""
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'snapshots').symlink_to(tmp_path / 'disk')
    monkeypatch.setattr(os, 'geteuid', lambda: OTHER_USER)
    if os.getuid() == 0:
        os.lchown(tmp_path / 'snapshots', 1, 1)

    with pytest.raises(PermissionError, match='a link that user'):
        ready_folder(tmp_path / 'snapshots')


@pytest.mark.parametrize('mode', [0o777, 0o703])
def test_folder_that_everybody_may_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    (tmp_path / 'open').mkdir()
    (tmp_path / 'open').chmod(mode)

    with pytest.raises(PermissionError, match='every user may write there'):
        ready_folder(tmp_path / 'open' / 'below')


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can make folders of other users')
@pytest.mark.parametrize('where', ['other', 'other/below'])
def test_folder_of_another_user_is_refused(where: str, tmp_path: Path) -> None:
    (tmp_path / where).mkdir(parents=True)
    os.chown(tmp_path / 'other', OTHER_USER, OTHER_USER)

    with pytest.raises(PermissionError, match=f'it belongs to user {OTHER_USER}'):
        ready_folder(tmp_path / where)


def test_folder_of_another_user_is_told_by_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same without root: we are somebody else than who made the folder."""
    if os.getuid() == 0:
        os.chown(tmp_path, 1, 1)
    monkeypatch.setattr(os, 'geteuid', lambda: OTHER_USER)

    with pytest.raises(PermissionError, match='it belongs to user'):
        ready_folder(tmp_path)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that its group may write to, of user ada, whose own group is ada."""
    (tmp_path / 'shared').mkdir()
    (tmp_path / 'shared').chmod(0o775)
    user = SimpleNamespace(pw_name='ada', pw_gid=(tmp_path / 'shared').stat().st_gid)
    monkeypatch.setattr(pwd, 'getpwuid', lambda _: user)
    return tmp_path / 'shared'


GROUPS = {'of many': ('staff', []), 'with a guest': ('ada', ['ada', 'bob']), 'gone': None}


@pytest.mark.parametrize('case', GROUPS)
def test_folder_that_a_group_may_write_to_is_refused(
    case: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into_group(monkeypatch, GROUPS[case])

    with pytest.raises(PermissionError, match='others of its group may write there'):
        ready_folder(shared / 'below')


def test_folder_of_the_users_own_group_is_taken(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each user has a group, folders are made so: Ubuntu's umask is 002."""
    put_into_group(monkeypatch, ('ada', ['ada']))

    assert ready_folder(shared) == shared


def put_into_group(monkeypatch: pytest.MonkeyPatch, group: tuple[str, list[str]] | None) -> None:
    """Let every group have this name and these members, or be unknown."""

    def find(_number: int) -> SimpleNamespace:
        if group is None:
            raise KeyError
        return SimpleNamespace(gr_name=group[0], gr_mem=group[1])

    monkeypatch.setattr(grp, 'getgrgid', find)


def test_folder_as_tmp_is_taken(tmp_path: Path) -> None:
    (tmp_path / 'tmp').mkdir()
    (tmp_path / 'tmp').chmod(0o1777)

    assert ready_folder(tmp_path / 'tmp') == tmp_path / 'tmp'


def test_full_folder_takes_no_more_snapshots(tmp_path: Path) -> None:
    for number in range(MOST_SNAPSHOTS):
        assert ready_folder(tmp_path) == tmp_path
        (tmp_path / str(number)).mkdir()

    with pytest.raises(OSError, match=f'{MOST_SNAPSHOTS} snapshots are there already'):
        ready_folder(tmp_path)


def test_disk_with_little_room_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    free = [LEAST_FREE, LEAST_FREE - 1]

    def usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=free.pop(0))

    monkeypatch.setattr(shutil, 'disk_usage', usage)

    assert ready_folder(tmp_path / 'new') == tmp_path / 'new'
    with pytest.raises(OSError, match=r'1\.0 GB are free there, expected 1 GB or more'):
        ready_folder(tmp_path / 'new')
    assert asked == [tmp_path / 'new'] * 2


def test_folder_cannot_be_chosen_through_the_network() -> None:
    spec = find_spec('snapshot_dir')

    assert spec is not None
    assert spec.change == 'start'


def test_home_that_does_not_exist_is_an_error_of_the_folder() -> None:
    with pytest.raises(OSError, match="no such home directory: '~nobody-of-this-name/snapshots'"):
        ready_folder(Path('~nobody-of-this-name/snapshots'))
