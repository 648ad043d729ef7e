# SPDX-License-Identifier: Apache-2.0
"""What a labelled bag holds and how it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.errors import one_of, ParameterError
from seg_node.interface import class_topics, TOPICS, topics
from seg_node.taxonomy import grouping

if TYPE_CHECKING:
    from seg_node.taxonomy import Taxonomy

__all__ = ['CHOICES', 'BagOutputs', 'Chosen', 'choose_outputs']

PREFIX = 'segmentation/'
CHOICES = tuple(
    one.name.removeprefix(PREFIX)
    for one in TOPICS
    if one.direction == 'out' and not one.name.endswith('<class>')
)
"""Names for ``BagOutputs.names``; those of classes are ``confidence/`` and the class."""


@dataclass(frozen=True, slots=True)
class BagOutputs:
    """What goes into labelled bags; plain values.

    Attributes:
        names: Topics without ``segmentation/``, among ``CHOICES`` and ``confidence/<class>``. The
            latched ones are always there.
        storage: ``'mcap'`` or ``'sqlite3'``.
        distro: Oldest release of ROS 2 that has to read them.
        zstd: Whether messages are compressed without loss.
        with_inputs: Whether all topics of the drive are copied, too.
        overlay_alpha: Opacity of the colours in ``overlay``, 0 to 1.
    """

    names: tuple[str, ...] = ('mask', 'confidence', 'drivable_area', 'camera_info', 'status')
    storage: str = 'mcap'
    distro: str = 'jazzy'
    zstd: bool = False
    with_inputs: bool = False
    overlay_alpha: float = 0.5


@dataclass(frozen=True, slots=True)
class Chosen:
    """The same for the classes of one bundle.

    Attributes:
        topics: Relative names of topics.
        classes: Relative name of the topic of each class that is wanted, by id.
    """

    topics: tuple[str, ...]
    classes: dict[int, str]


def choose_outputs(names: tuple[str, ...], taxonomy: Taxonomy) -> Chosen:
    """Return the topics that are meant.

    Args:
        names: As in ``BagOutputs``.
        taxonomy: Classes of the bundle.

    Raises:
        ParameterError: If a name is not known.
        TaxonomyError: If class names do not make different topics.
    """
    of_classes = class_topics(taxonomy)
    every = {name: PREFIX + name for name in CHOICES}
    if grouping(taxonomy) is None:
        del every[topics.GROUPS.removeprefix(PREFIX)]
    for name in names:
        if name not in every and PREFIX + name not in of_classes.values():
            known = [*every, f'{topics.CONFIDENCE.removeprefix(PREFIX)}/<class>']
            raise ParameterError(one_of('output', name, known))
    wanted = {PREFIX + name for name in names}
    return Chosen(
        tuple(topic for topic in every.values() if topic in wanted),
        {index: topic for index, topic in of_classes.items() if topic in wanted},
    )
