"""An answer that cannot be run as its kind asks: what is the matter, as codes and names that the scoring side words."""


class Unfit(Exception):
    """The answer does not fit: `what` is a code that attnlib.check.scoring.unfit has a sentence for.

    details are the words that the sentence needs, each a text.
    """

    def __init__(self, what: str, **details: str) -> None:
        super().__init__(what)
        self.what, self.details = what, details

    def outcome(self) -> dict:
        """The outcome of a case, as plain data."""
        return {"unfit": {"what": self.what, **{name: str(text)[:500] for name, text in self.details.items()}}}
