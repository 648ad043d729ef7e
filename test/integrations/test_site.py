# SPDX-License-Identifier: Apache-2.0
"""Names that files are generated for, and where files go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seg_node.errors import ParameterError
from seg_node.integrations import generate, Site, write_files
from tiny import tiny_manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ('namespace', 'camera', 'topic'),
    [
        ('', '', '/segmentation/mask'),
        ('/robot', '', '/robot/segmentation/mask'),
        ('', 'front', '/front/segmentation/mask'),
        ('/fleet/robot', 'front', '/fleet/robot/front/segmentation/mask'),
    ],
)
def test_topic_is_where_the_node_has_it(namespace: str, camera: str, topic: str) -> None:
    site = Site(tiny_manifest(), (camera,), namespace)

    assert site.topic(camera, 'segmentation/mask') == topic
    assert site.topic(camera, '/diagnostics') == '/diagnostics'


@pytest.mark.parametrize('cameras', [('front', ''), ('9',), ('a b',), ('a/b',), ('', '')])
def test_camera_that_no_topic_can_have_is_refused(cameras: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match='cannot be parts of topics'):
        Site(tiny_manifest(), cameras)


def test_camera_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ParameterError, match='repeat a name'):
        Site(tiny_manifest(), ('front', 'front'))


@pytest.mark.parametrize('namespace', ['robot', '/', '/robot/', '/9', '/a b'])
def test_namespace_of_another_form_is_refused(namespace: str) -> None:
    with pytest.raises(ParameterError, match='expected the form /robot'):
        Site(tiny_manifest(), namespace=namespace)


@pytest.mark.parametrize('name', ['plugin', 'enabled', 'observation_sources'])
def test_camera_that_is_called_like_a_parameter_of_the_layer_is_refused(name: str) -> None:
    site = Site(tiny_manifest(), ('front', name))

    assert generate('rviz', site)
    with pytest.raises(ParameterError, match=f'Camera {name!r} is called like a parameter'):
        generate('nav2', site)


@pytest.mark.parametrize('clouds', ['a b/', 'points/', '/', '', '~/points', 'a//b', '9'])
def test_topic_of_clouds_that_cannot_be_is_refused(clouds: str) -> None:
    with pytest.raises(ParameterError, match=f'Topic of the clouds {clouds!r} is not legal'):
        Site(tiny_manifest(), clouds=clouds)


def test_one_cloud_is_never_paired_with_several_cameras() -> None:
    assert Site(tiny_manifest(), ('front',), clouds='/depth/points').clouds == '/depth/points'
    with pytest.raises(ParameterError, match=r'all 2 cameras would get the same clouds'):
        Site(tiny_manifest(), ('front', 'left'), clouds='/depth/points')


@pytest.mark.parametrize(('consumer', 'most'), [('nvblox', 4), ('autoware', 8)])
def test_more_cameras_than_a_consumer_takes_are_refused(consumer: str, most: int) -> None:
    names = tuple(f'camera{number}' for number in range(most + 1))

    assert generate(consumer, Site(tiny_manifest(), names[:most]))
    with pytest.raises(ParameterError, match=f'takes {most}'):
        generate(consumer, Site(tiny_manifest(), names))


def test_files_that_somebody_may_have_changed_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / 'new' / 'folder'
    write_files({'a.yaml': 'old', 'b.yaml': 'old'}, folder)

    with pytest.raises(ParameterError, match=r'already has b\.yaml'):
        write_files({'b.yaml': 'new', 'c.yaml': 'new'}, folder)

    assert sorted(one.name for one in folder.iterdir()) == ['a.yaml', 'b.yaml']
    assert (folder / 'b.yaml').read_text() == 'old'
    write_files({'b.yaml': 'new'}, folder, replace=True)
    assert (folder / 'b.yaml').read_text() == 'new'


def test_link_that_leads_nowhere_is_not_followed_unless_asked(tmp_path: Path) -> None:
    elsewhere = tmp_path / 'elsewhere'
    (tmp_path / 'a.yaml').symlink_to(elsewhere)

    with pytest.raises(ParameterError, match=r'already has a\.yaml'):
        write_files({'a.yaml': ''}, tmp_path)

    assert not elsewhere.exists()


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')

    with pytest.raises(ParameterError, match='cannot be written to'):
        write_files({'a.yaml': ''}, tmp_path / 'file')
