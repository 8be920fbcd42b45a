"""What `check` returns in the grader's sandbox: something that a notebook can use as it uses a report, and goes on."""

from typing import Any


class HandedOver:
    """Stands for the report of a response that is scored later, elsewhere.

    Of points it has all there are, for nothing is known of them here, and a notebook that adds them up, or asserts
    them, is not to be stopped by its own grading.
    """

    def __init__(self, name: str, points: float):
        self.name, self.points, self.max_points = name, points, points
        self.headline = self.note = self.slip = ""
        self.results: tuple[Any, ...] = ()
        self.shown = None

    @property
    def summary(self) -> str:
        """In place of points: that they are not known yet."""
        return "scored after the notebook has run"

    def text(self) -> str:
        """In place of a report."""
        return f"{self.name}: handed over, {self.summary}"

    html = __str__ = __repr__ = text

    def _ipython_display_(self) -> None:
        """Show nothing: that it was handed over is shown already."""
