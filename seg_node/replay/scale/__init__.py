# SPDX-License-Identifier: Apache-2.0
"""Tasks of a replay on several processes or machines."""
