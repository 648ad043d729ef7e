# SPDX-License-Identifier: Apache-2.0
"""Completes a software bill of materials: seg_node itself and the models that it ships.

``python .ci/make_sbom.py BOM.json`` rewrites what ``cyclonedx-py environment`` wrote, as
CycloneDX 1.6, and lets the library of CycloneDX validate the result; ``make sbom`` calls it.
"""

from __future__ import annotations

import json
from pathlib import Path
import re
import sys
from typing import Any

ROOT = Path(__file__).parents[1]
NAME = 'seg_node'
OWN = ('seg_node', 'seg-node')


def model(folder: Path) -> dict[str, Any]:
    """Return the component of a shipped bundle: its terms, and the checksum of each file."""
    manifest = json.loads((folder / 'manifest.json').read_text(encoding='utf-8'))
    reference = f'model:{folder.name}'
    return {
        'type': 'machine-learning-model',
        'bom-ref': reference,
        'name': folder.name,
        'description': f'Model bundle bundles/{folder.name}',
        'licenses': [
            {'license': {'name': f'{what}: {terms}'}}
            for what, terms in sorted(manifest['licence'].items())
        ],
        'components': [
            {
                'type': 'file',
                'bom-ref': f'{reference}/{name}',
                'name': name,
                'hashes': [{'alg': 'SHA-256', 'content': digest}],
            }
            for name, digest in sorted(manifest['files'].items())
        ],
    }


def without_twins(bom: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the components without the bare twins of ROS's wheels, rclpy beside ros-rclpy."""
    found = bom.get('components', [])
    names = {one['name'] for one in found}
    twins = {one['bom-ref'] for one in found if f'ros-{one["name"].replace("_", "-")}' in names}
    bom['dependencies'] = [one for one in bom['dependencies'] if one['ref'] not in twins]
    for one in bom['dependencies']:
        one['dependsOn'] = [ref for ref in one.get('dependsOn', []) if ref not in twins]
    return [one for one in found if one['bom-ref'] not in twins]


def completed(bom: dict[str, Any]) -> dict[str, Any]:
    """Return the bill with seg_node as its subject and the models among the components."""
    text = (ROOT / 'package.xml').read_text(encoding='utf-8')
    version = re.findall('<version>(.+)</version>', text)[0]
    found = without_twins(bom)
    own = next(one['bom-ref'] for one in found if one['name'] in OWN)
    bom.setdefault('metadata', {})['component'] = {
        'type': 'application',
        'bom-ref': own,
        'name': NAME,
        'version': version,
        'licenses': [{'license': {'id': 'Apache-2.0'}}],
    }
    models = [model(path.parent) for path in sorted(ROOT.glob('bundles/*/manifest.json'))]
    bom['components'] = [*(one for one in found if one['bom-ref'] != own), *models]
    for one in bom['dependencies']:
        if one['ref'] == own:
            one['dependsOn'] = [*one.get('dependsOn', []), *(each['bom-ref'] for each in models)]
    bom['dependencies'] += [{'ref': each['bom-ref']} for each in models]
    return bom


def main() -> int:
    """Complete the bill in the file that is named, and return the exit status."""
    # In the environment of the tools alone; the rest of this file is tested without them.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    path = Path(sys.argv[1])
    text = json.dumps(completed(json.loads(path.read_text(encoding='utf-8'))), indent=2) + '\n'
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        sys.exit(f'{path} is not valid: {fault}')
    path.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
