#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run a command with seg_node, its libraries from PyPI and the ROS of the image.
set -e
# shellcheck disable=SC1091
source /opt/seg_node/bin/activate
# shellcheck disable=SC1091
source /ws/install/setup.bash
exec "$@"
