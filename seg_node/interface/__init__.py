# SPDX-License-Identifier: Apache-2.0
"""What the node publishes, free of ROS: names, types, quality of service and contents of topics.

The node sends it through DDS, a replay writes it into a recording; both take it from here.
"""

from .contents import (
    classes_json,
    CODED_FORMAT,
    coded_labels,
    crf_words,
    engine_words,
    model_words,
    output_pixels,
    outputs_for,
    PIXEL_ENCODINGS,
    status_values,
    text_of,
)
from .topics import class_topics, QUALITIES, Quality, Topic, topic_token, TOPICS

__all__ = [
    'CODED_FORMAT',
    'PIXEL_ENCODINGS',
    'QUALITIES',
    'TOPICS',
    'Quality',
    'Topic',
    'class_topics',
    'classes_json',
    'coded_labels',
    'crf_words',
    'engine_words',
    'model_words',
    'output_pixels',
    'outputs_for',
    'status_values',
    'text_of',
    'topic_token',
]
