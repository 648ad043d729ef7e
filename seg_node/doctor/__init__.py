# SPDX-License-Identifier: Apache-2.0
"""Looks at an installation and a running system, and says what is wrong and how to mend it.

Works without ROS, and says then what it could not look at.
"""

from .finding import Finding, has_failed
from .run import examine, Request
from .text import as_json, as_text

__all__ = ['Finding', 'Request', 'as_json', 'as_text', 'examine', 'has_failed']
