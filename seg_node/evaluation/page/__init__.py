# SPDX-License-Identifier: Apache-2.0
"""Reports as HTML pages that need nothing but themselves."""

from .document import write_page
from .robustness_page import write_robustness_page

__all__ = ['write_page', 'write_robustness_page']
