# SPDX-License-Identifier: Apache-2.0
"""Names of topics."""

from __future__ import annotations

import re

import pytest

from seg_node.errors import TaxonomyError
from seg_node.interface import class_topics, topic_token
from seg_node.ros.cameras.image_topics import resolve_image_topics
from seg_node.taxonomy import load_taxonomy, SegClass, Taxonomy


class FakeNode:
    """Resolves names as a ROS node in a namespace would."""

    def __init__(self, namespace: str = '', **moved: str) -> None:
        """Remember namespace and rules; ``__`` in a name stands for a slash."""
        self.namespace = namespace
        self.moved = {name.replace('__', '/'): target for name, target in moved.items()}

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Apply a rule, or the namespace."""
        if topic in self.moved and not only_expand:
            return self.moved[topic]
        return f'{self.namespace}/{topic}'


@pytest.mark.parametrize('name', ['cityscapes19', 'camvid11'])
def test_class_topics_are_legal_and_different(name: str) -> None:
    topics = class_topics(load_taxonomy(name))

    assert len(set(topics.values())) == len(load_taxonomy(name))
    assert all(re.fullmatch(r'(/?[a-z][a-z0-9_]*)+', topic) for topic in topics.values())


def test_class_topics_of_cityscapes_use_underscores() -> None:
    taxonomy = load_taxonomy('cityscapes19')

    topics = class_topics(taxonomy)

    assert topics[taxonomy.index('traffic light')] == 'segmentation/confidence/traffic_light'


def test_class_topics_refuses_names_that_become_the_same() -> None:
    alike = Taxonomy('yard', (SegClass('lane-mark', (1, 2, 3)), SegClass('Lane mark', (4, 5, 6))))

    with pytest.raises(TaxonomyError, match=r"'lane_mark'.*Rename one"):
        class_topics(alike)


@pytest.mark.parametrize('name', ['42', '…', 'Ünsicher', '_x_'])
def test_topic_token_is_legal_for_odd_names(name: str) -> None:
    assert re.fullmatch('[a-z][a-z0-9_]*', topic_token(name))


def test_image_topics_follow_a_remapping_of_image() -> None:
    node = FakeNode(image='/front/image_raw')

    raw = resolve_image_topics(node, 'raw')
    compressed = resolve_image_topics(node, 'compressed')

    assert (raw.image, raw.camera_info) == ('/front/image_raw', '/front/camera_info')
    assert compressed.image == '/front/image_raw/compressed'
    assert compressed.compressed
    assert not raw.compressed


def test_image_topics_lie_in_the_namespace() -> None:
    topics = resolve_image_topics(FakeNode('/rear'), 'compressed')

    assert topics.image == '/rear/image/compressed'
    assert topics.camera_info == '/rear/camera_info'


def test_image_topics_obey_a_rule_for_one_of_them() -> None:
    node = FakeNode(image__compressed='/a/jpeg', camera_info='/b/info')

    topics = resolve_image_topics(node, 'compressed')

    assert (topics.image, topics.camera_info) == ('/a/jpeg', '/b/info')


def test_image_topics_do_not_append_compressed_twice() -> None:
    node = FakeNode(image='/front/image_raw/compressed')

    assert resolve_image_topics(node, 'compressed').image == '/front/image_raw/compressed'
