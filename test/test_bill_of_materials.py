# SPDX-License-Identifier: Apache-2.0
"""What ``make sbom`` adds to the bill of materials that the tool of CycloneDX writes."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
import json
from pathlib import Path
from typing import Any

import pytest

from seg_node import __version__
from seg_node.bundle import sha256

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bill() -> dict[str, Any]:
    """A completed bill of an environment with ROS's wheels, whose packages are listed twice."""
    spec = spec_from_file_location('make_sbom', ROOT / '.ci' / 'make_sbom.py')
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    names = ('seg_node', 'numpy', 'ros-rcl-interfaces', 'rcl_interfaces')
    written = {
        'components': [{'type': 'library', 'bom-ref': f'{one}==1', 'name': one} for one in names],
        'dependencies': [
            {'ref': 'seg_node==1', 'dependsOn': ['numpy==1', 'ros-rcl-interfaces==1']},
            {'ref': 'rcl_interfaces==1'},
            {'ref': 'numpy==1'},
        ],
    }
    completed: dict[str, Any] = module.completed(json.loads(json.dumps(written)))
    return completed


def test_subject_is_seg_node_with_version_and_licence(bill: dict[str, Any]) -> None:
    subject = bill['metadata']['component']

    assert (subject['name'], subject['version']) == ('seg_node', __version__)
    assert subject['licenses'] == [{'license': {'id': 'Apache-2.0'}}]


def test_packages_are_listed_once(bill: dict[str, Any]) -> None:
    libraries = [one['name'] for one in bill['components'] if one['type'] == 'library']

    assert libraries == ['numpy', 'ros-rcl-interfaces']
    assert 'rcl_interfaces==1' not in {one['ref'] for one in bill['dependencies']}


def test_every_shipped_model_is_listed_with_its_terms_and_true_checksums(
    bill: dict[str, Any],
) -> None:
    models = {
        one['name']: one for one in bill['components'] if one['type'] == 'machine-learning-model'
    }

    assert set(models) == {path.parent.name for path in ROOT.glob('bundles/*/manifest.json')}
    for name, model in models.items():
        assert model['licenses']
        for file in model['components']:
            (digest,) = file['hashes']
            assert digest['content'] == sha256(ROOT / 'bundles' / name / file['name'])


def test_everything_that_is_depended_on_is_listed(bill: dict[str, Any]) -> None:
    listed = {one['bom-ref'] for one in bill['components']}
    wanted = {ref for one in bill['dependencies'] for ref in one.get('dependsOn', [])}

    assert wanted <= listed
    assert {'model:default', 'numpy==1'} <= wanted
