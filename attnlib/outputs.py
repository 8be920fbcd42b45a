"""What comes out: a label for each vector, one for the whole sequence, or a new sequence of any length.

- A label for each vector needs no function of its own: `attnlib.transformer.linear(x, W, b)` scores every position.
- A label for the sequence is `linear(masked_mean(x, mask), W, b)`, or `linear` of one row, as that of a class token.
- A new sequence is written by `greedy_decode`, one token at a time.
"""

from attnlib._arguments import (
    broadcast,
    check_arrays,
    check_axes,
    check_floating,
    check_functions,
    check_mask,
    check_sizes,
    got,
)
from attnlib._ops import astype, total, where


def masked_mean(x, mask):
    """The mean of the real vectors of each sequence: padding counts neither in the sum nor in its length.

    x (..., N, D), floating; mask (..., N), boolean, True where a vector is real, as `attnlib.inputs.pad` returns it;
    one mask (N,) may serve all sequences. Returns (..., D) in the dtype of x; the sum is taken in float64.
    A sequence without real vectors gives zeros. What stands at padding changes nothing, NaN included.
    Raises TypeError or ValueError naming what came when x is not floating, or the mask not boolean or of another shape.

    >>> import numpy as np
    >>> masked_mean(np.array([[1., 2.], [3., 4.], [9., 9.]]), np.array([True, True, False]))
    array([2., 3.])
    """
    check_axes("masked_mean", x=(x, "... N d"), mask=(mask, "... N"))
    check_floating("masked_mean", x=x)
    check_mask("masked_mean", mask, mask.shape, x=x)
    if broadcast(mask.shape, x.shape[:-1]) != tuple(x.shape[:-1]):
        raise ValueError(f"masked_mean: mask needs the axes of x but the last. {got({'x': (x,), 'mask': (mask,)})}")
    real = mask[..., None]                                       # (..., N, 1)
    length = real.sum(-2)                                        # (..., 1)
    return astype(total(where(real, x, 0), -2) / where(length == 0, 1, length), x.dtype)


def greedy_decode(scores_of, start, *, end, longest):
    """Write one token at a time, each the one with the highest score, until the end token or `longest` tokens.

    scores_of takes the list of tokens so far, start included, and returns the scores of the next one, (V,), an array
    or a tensor, floating. start: at least one token, whole numbers. end: the token that ends the sequence, or None
    where none does. Of equal scores the first wins.
    Returns the list of tokens written, without start; its last is `end` unless the length ran out first.
    Raises ValueError or TypeError for an empty start, tokens or lengths that are not whole numbers, scores of another
    shape than (V,), a NaN among them, and an end that has no score.

    >>> import numpy as np
    >>> def count_up(tokens):
    ...     return np.eye(10)[tokens[-1] + 1]
    >>> greedy_decode(count_up, [3], end=6, longest=10)
    [4, 5, 6]
    >>> greedy_decode(count_up, [3], end=6, longest=2)
    [4, 5]
    """
    check_functions("greedy_decode", scores_of=scores_of)
    longest = check_sizes("greedy_decode", least=0, longest=longest)
    end = None if end is None else check_sizes("greedy_decode", least=0, end=end)
    tokens = _checked_start("greedy_decode", start)
    written = []
    while len(written) < longest and (end is None or written[-1:] != [end]):
        scores = scores_of(tokens + written)
        check_scores("greedy_decode", scores, end)
        written.append(int(scores.argmax()))
    return written


def _checked_start(who, start):
    """The tokens of start as a list of Python integers; raise unless there is one, and all are whole numbers."""
    if hasattr(start, "dtype"):
        if start.ndim != 1 or not str(start.dtype).removeprefix("torch.").startswith(("int", "uint")):
            raise TypeError(f"{who}: start must be whole numbers, (N,). Got {start.dtype} {tuple(start.shape)}.")
        start = start.tolist()
    if not isinstance(start, list | tuple | range):
        raise TypeError(f"{who}: start must be a list of tokens, [start_token]. Got {start!r:.40}.")
    if not start:
        raise ValueError(f"{who}: start is empty; the first scores need at least one token, [start_token].")
    return [check_sizes(who, least=0, **{"each token of start": token}) for token in start]


def check_scores(who, scores, end):
    """Raise unless scores_of returned one number for each token, end among them, and none is NaN."""
    what = "scores_of must return the scores of the next token, (V,)"
    check_arrays(who, scores=scores)
    if scores.ndim != 1 or not len(scores):
        came = f"Got {tuple(scores.shape)}."
        raise ValueError(f"{who}: {what}; of scores (N, V), those are scores[-1]. {came}")
    check_floating(who, scores=scores)
    if (scores != scores).any():
        raise ValueError(f"{who}: {what}, and a score is NaN.")
    if end is not None and end >= len(scores):
        raise ValueError(f"{who}: end={end} can never be written; scores_of scores the tokens 0..{len(scores) - 1}.")
