"""Which operation of the learner's failed: its operator or function, and what stood on either side of it."""

from typing import Any


def failed_operation(error: BaseException, arguments: list) -> list[str]:
    """[operator, operand, ...] of the learner's expression that raised `error`; empty when it cannot be told."""
    return []
