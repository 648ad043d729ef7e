# SPDX-License-Identifier: Apache-2.0
"""What the node publishes, free of ROS: names, types, quality of service and contents of topics.

The node sends it through DDS, a replay writes it into a recording; both take it from here.
"""

from .autoware import autoware_label, AUTOWARE_LABELS, autoware_table, parse_autoware_labels
from .class_tables import class_tables, ClassTables
from .contents import (
    classes_json,
    crf_words,
    engine_words,
    groups_json,
    model_words,
    status_values,
    text_of,
)
from .images import (
    autoware_runs,
    CODED_FORMAT,
    coded_labels,
    DECIMATION_RULES,
    frame_images,
    image_encodings,
    ImageOptions,
    outputs_for,
    PIXEL_ENCODINGS,
)
from .topics import class_topics, QUALITIES, Quality, Topic, topic_token, TOPICS

__all__ = [
    'AUTOWARE_LABELS',
    'CODED_FORMAT',
    'DECIMATION_RULES',
    'PIXEL_ENCODINGS',
    'QUALITIES',
    'TOPICS',
    'ClassTables',
    'ImageOptions',
    'Quality',
    'Topic',
    'autoware_label',
    'autoware_runs',
    'autoware_table',
    'class_tables',
    'class_topics',
    'classes_json',
    'coded_labels',
    'crf_words',
    'engine_words',
    'frame_images',
    'groups_json',
    'image_encodings',
    'model_words',
    'outputs_for',
    'parse_autoware_labels',
    'status_values',
    'text_of',
    'topic_token',
]
