# SPDX-License-Identifier: Apache-2.0
"""Sites that files are generated for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg_node.integrations import Site
from seg_node.taxonomy import load_taxonomy
from tiny import tiny_manifest

SITES = {
    'one camera': ('cityscapes19', {}),
    'one camera in a namespace': ('camvid11', {'namespace': '/robot'}),
    'two cameras': ('mapillary66', {'cameras': ('front', 'left')}),
    'two cameras in a namespace': (
        'cityscapes19',
        {'cameras': ('front', 'left'), 'namespace': '/fleet/robot_2'},
    ),
}


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> Site:
    """A node with one or more cameras."""
    taxonomy, where = SITES[request.param]
    manifest = replace(tiny_manifest(), taxonomy=load_taxonomy(taxonomy))
    return Site(manifest, **where)  # type: ignore[arg-type]  # as above
