# SPDX-License-Identifier: Apache-2.0
"""What is shipped as "a model": a folder with manifest, weights and exported network."""

from .bundle import (
    Bundle,
    check_target,
    find_bundle,
    INT8_CPU,
    open_bundle,
    sha256,
    write_bundle,
)
from .manifest import FORMAT, Manifest

__all__ = [
    'FORMAT',
    'INT8_CPU',
    'Bundle',
    'Manifest',
    'check_target',
    'find_bundle',
    'open_bundle',
    'sha256',
    'write_bundle',
]
