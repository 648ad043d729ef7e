# SPDX-License-Identifier: Apache-2.0
"""The parameter and topic tables in the forms that people read.

``python -m seg_node.ros.parameters.docs yaml > config/seg.params.yaml``; with ``parameters`` or
``topics`` it prints the Markdown tables of ``docs/node.md``. Tests compare all three.
"""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING

from seg_node.interface import TOPICS

from .table import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .spec import Spec, Value

__all__ = ['main', 'parameter_table', 'topic_table', 'yaml_text']

WIDTH = 99
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Parameters of seg_node, all at their defaults; copy what you change.
# Printed by: python -m seg_node.ros.parameters.docs yaml
/**:
  ros__parameters:
"""
CHANGES = {
    'live': 'at any time, between two frames',
    'configure': 'while the node is unconfigured',
    'start': 'only at the start',
}


def yaml_text() -> str:
    """Return ``config/seg.params.yaml``: every parameter with its default, unit and words."""
    lines = []
    group = ''
    for spec in PARAMETERS:
        prefix, _, member = spec.name.rpartition('.')
        indent = '      ' if prefix else '    '
        if prefix and prefix != group:
            lines.append(f'    {prefix}:')
        group = prefix
        lines += textwrap.wrap(
            f'{spec.words}{_limits(spec)}',
            WIDTH,
            initial_indent=indent + '# ',
            subsequent_indent=indent + '# ',
        )
        lines.append(f'{indent}{member}: {_scalar(spec.default)}')
    return HEAD + '\n'.join(lines) + '\n'


def parameter_table() -> str:
    """Return the Markdown table of all parameters."""
    rows = ['| parameter | default | allowed | can be set | meaning |', '|---|---|---|---|---|']
    for spec in PARAMETERS:
        allowed = _limits(spec).strip(' ()') or _kind(spec)
        rows.append(
            f'| `{spec.name}` | `{_scalar(spec.default)}` | {allowed} | {CHANGES[spec.change]} '
            f'| {spec.words} |'
        )
    return '\n'.join(rows) + '\n'


def topic_table() -> str:
    """Return the Markdown table of all topics."""
    rows = ['| topic | direction | type | content |', '|---|---|---|---|']
    rows += [
        f'| `{topic.name}` | {topic.direction} | {topic.kind} | {topic.content} |'
        for topic in TOPICS
    ]
    return '\n'.join(rows) + '\n'


def _limits(spec: Spec) -> str:
    if spec.choices:
        return f' ({", ".join(spec.choices)})'
    if spec.bounds is None:
        return ''
    low, high = spec.bounds
    return f' ({low:g} to {high:g}{" " + spec.unit if spec.unit else ""})'


def _kind(spec: Spec) -> str:
    if isinstance(spec.default, tuple):
        return 'list of texts'
    return 'true, false' if isinstance(spec.default, bool) else 'text'


def _scalar(value: Value) -> str:
    """Write a value so that YAML reads the same value back."""
    if isinstance(value, str) and value.replace('_', '').isalnum():
        return value
    return json.dumps(value)


FORMS: Mapping[str, Callable[[], str]] = {
    'yaml': yaml_text,
    'parameters': parameter_table,
    'topics': topic_table,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print one form on stdout and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if len(words) != 1 or words[0] not in FORMS:
        sys.stderr.write(f'usage: parameter_docs {"|".join(FORMS)}\n')
        return 2
    sys.stdout.write(FORMS[words[0]]())
    return 0


if __name__ == '__main__':
    sys.exit(main())
