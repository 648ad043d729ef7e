# SPDX-License-Identifier: Apache-2.0
"""What classes and pixels weigh in the loss, and pictures of it; free of torch."""
