# SPDX-License-Identifier: Apache-2.0
"""Lists what pip has installed beside seg_node, as ``name==version``, for an audit.

Wheels of ROS carry a second, bare description of each package, whose name means something else or
nothing on PyPI; those were not installed by pip and are left out.
"""

from __future__ import annotations

from importlib import metadata
import sys


def main() -> int:
    """Print the list."""
    names = sorted(
        f'{one.metadata["Name"]}=={one.version}'
        for one in metadata.distributions()
        if (one.read_text('INSTALLER') or '').strip() == 'pip'
        and one.metadata['Name'] != 'seg_node'
    )
    sys.stdout.write('\n'.join(names) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
