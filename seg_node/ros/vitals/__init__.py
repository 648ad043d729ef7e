# SPDX-License-Identifier: Apache-2.0
"""How the node is: what is counted, why it is silent, what ``/diagnostics`` says."""
