# SPDX-License-Identifier: Apache-2.0
"""The command line: ``seg VERB``. Each verb is one module, imported only when it is chosen."""
