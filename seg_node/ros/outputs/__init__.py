# SPDX-License-Identifier: Apache-2.0
"""The output topics: who listens, and what is sent."""
