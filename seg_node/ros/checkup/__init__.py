# SPDX-License-Identifier: Apache-2.0
"""What ``seg doctor`` lets run beside itself: a camera, a listener, a watcher."""
