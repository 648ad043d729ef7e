# SPDX-License-Identifier: Apache-2.0
"""Run a bundle. Each engine imports its library only when it is asked for: see ``registry``."""
