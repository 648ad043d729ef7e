# SPDX-License-Identifier: Apache-2.0
"""Nothing that is loaded at run time can carry code: no pickle, no eval, no unsafe YAML.

The source is walked as syntax trees. Training may load a checkpoint of torch, with tensors alone.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[1] / 'seg_node'
FILES = sorted(SOURCE.rglob('*.py'))
# Modules whose data are programs.
MODULES = {'cloudpickle', 'dill', 'joblib', 'marshal', 'pickle', 'shelve'}
CALLS = {
    'eval',
    'exec',
    '__import__',
    'os.popen',
    'os.system',
    'torch.jit.load',
    'torch.load',
    'yaml.full_load',
    'yaml.load',
    'yaml.load_all',
    'yaml.unsafe_load',
}
# Rooms that run on nobody's vehicle, what they may do, and the condition.
DEVELOPMENT = ('model', 'training')
WITH_WEIGHTS_ONLY = 'torch.load'
FOR_ITS_ERROR = 'pickle'  # torch raises pickle.UnpicklingError


def dotted(node: ast.expr) -> str:
    """Return a name with its dots, or nothing for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f'{dotted(node.value)}.{node.attr}'
    return ''


def says(call: ast.Call, keyword: str, value: bool) -> bool:  # noqa: FBT001  # what is said
    """Tell whether a call has a keyword with that constant."""
    return any(
        one.arg == keyword and isinstance(one.value, ast.Constant) and one.value.value is value
        for one in call.keywords
    )


def suspects(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what could run code from a file: imports, calls, and keywords."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, node) for one in node.names if one.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield node.module, node
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in CALLS:
                yield name, node
            for keyword in ('allow_pickle', 'shell', 'trust_remote_code'):
                if any(one.arg == keyword for one in node.keywords) and not says(
                    node, keyword, value=False
                ):
                    yield keyword, node


def is_permitted(path: Path, name: str, node: ast.AST) -> bool:
    """Tell whether development may do this."""
    if path.relative_to(SOURCE).parts[0] not in DEVELOPMENT:
        return False
    if isinstance(node, ast.Call) and name == WITH_WEIGHTS_ONLY:
        return says(node, 'weights_only', value=True)
    return name == FOR_ITS_ERROR and isinstance(node, ast.Import)


def test_no_file_loads_what_can_carry_code() -> None:
    found = [
        f'{path.relative_to(SOURCE)}:{getattr(node, "lineno", "?")}: {name}'
        for path in FILES
        for name, node in suspects(ast.parse(path.read_text(encoding='utf-8')))
        if not is_permitted(path, name, node)
    ]

    assert len(FILES) > 100
    assert found == []


@pytest.mark.parametrize('room', DEVELOPMENT)
def test_pickle_is_imported_for_the_name_of_an_error_alone(room: str) -> None:
    for path in (SOURCE / room).rglob('*.py'):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        used = {dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

        assert {one for one in used if one.startswith('pickle.')} <= {'pickle.UnpicklingError'}


GUILTY = [
    'import pickle',
    'from pickle import loads',
    'import torch\ntorch.load("x")',
    'import numpy as np\nnp.load("x", allow_pickle=True)',
    'import numpy as np\nnp.load("x", allow_pickle=flag)',
    'import yaml\nyaml.load(text, yaml.Loader)',
    'eval("1")',
    'import subprocess\nsubprocess.run("ls", shell=True)',
]


@pytest.mark.parametrize('text', GUILTY)
def test_guilty_line_would_be_found(text: str) -> None:
    assert list(suspects(ast.parse(text)))


@pytest.mark.parametrize('room', ['model', 'ros'])
def test_unsafe_load_of_torch_is_not_permitted_anywhere(room: str) -> None:
    ((name, node),) = suspects(ast.parse('torch.load("x", weights_only=False)'))

    assert not is_permitted(SOURCE / room / 'x.py', name, node)
