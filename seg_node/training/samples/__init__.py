# SPDX-License-Identifier: Apache-2.0
"""Which sample comes when, and from where."""
