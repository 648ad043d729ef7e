# SPDX-License-Identifier: Apache-2.0
"""From the images of one or several cameras to their masks."""
