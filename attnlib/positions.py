"""Positions: ways to tell attention where in the sequence a vector stands.

`sinusoidal` and `learned` are added to the vectors, `relative_bias` and `alibi_bias` to the scores; `rope` turns
queries and keys. Where a function takes `like`, an array or tensor, the result is of its kind, and of its dtype
unless the docstring names another. Angles are computed in float64 and then rounded. With a cache, `past` keys come
before the first query: query i stands at past + i.
"""

import math

import numpy as np

from attnlib._arguments import (
    as_array,
    broadcast,
    check_arrays,
    check_axes,
    check_flags,
    check_floating,
    check_ids,
    check_like,
    check_numbers,
    check_sizes,
    got,
    is_floating,
)
from attnlib._ops import arange, astype, concatenate, cos, float64, sin, stack, where, widen


def distances(N, M=None, past=0, like=None):
    """The distance of each key from each query: how many places key j lies after query i, j - (past + i).

    N queries, M keys (N + past unless given); past: how many keys come before the first query, the length
    of a cache. Returns (N, M) whole numbers of the kind of `like`, negative for earlier keys.

    >>> distances(2, 3)
    array([[ 0,  1,  2],
           [-1,  0,  1]])
    """
    N, M, past = check_places("distances", N, M, past, like)
    return arange(0, M, like) - arange(past, past + N, like)[:, None]


def sinusoidal(N, d, base=10000, like=None):
    """Give each position the sines and cosines of d/2 clocks, each slower than the last.

    Returns (N, d) in float64, or in the kind and dtype of `like`. Columns 2i and 2i + 1 hold sin and cos of
    n / base^(2i / d), n counted from 0. Add it to the vectors before W_q, W_k and W_v.
    Raises ValueError for an odd d, TypeError when `like` is not floating.
    Source: Vaswani et al. 2017, section 3.5.

    >>> sinusoidal(3, 4).round(2)
    array([[ 0.  ,  1.  ,  0.  ,  1.  ],
           [ 0.84,  0.54,  0.01,  1.  ],
           [ 0.91, -0.42,  0.02,  1.  ]])
    """
    N = check_sizes("sinusoidal", least=0, N=N)
    d, base = check_clocks("sinusoidal", d, base, like)
    angles = arange(0, N, like)[:, None] * frequencies(d, base, like)    # (N, d/2)
    table = stack([sin(angles), cos(angles)], axis=-1)                   # (N, d/2, 2)
    return astype(table.reshape(N, d), np.float64 if like is None else like.dtype)


def sinusoidal_shift(d, k, base=10000, like=None):
    """The matrix that shifts every sinusoidal position by k places: row n + k = row n @ it.

    Returns (d, d) in float64, or in the kind and dtype of `like`: blocks of 2 x 2, one for each clock, the same
    for every n. k is any number, negative ones shift back.
    Raises ValueError for an odd d, TypeError when `like` is not floating.
    Source: Vaswani et al. 2017, section 3.5, claims that it exists.

    >>> P = sinusoidal(9, 6)
    >>> np.allclose(P[:5] @ sinusoidal_shift(6, 4), P[4:])
    True
    """
    check_numbers("sinusoidal_shift", k=k)
    d, base = check_clocks("sinusoidal_shift", d, base, like)
    angles = float(k) * frequencies(d, base, like)                       # (d/2,)
    turns = stack([cos(angles), -sin(angles), sin(angles), cos(angles)], axis=-1)
    on_diagonal = (distances(d // 2, like=like) == 0)[:, None, :, None]  # (d/2, 1, d/2, 1)
    blocks = where(on_diagonal, turns.reshape(-1, 2, 1, 2), 0.0)         # (d/2, 2, d/2, 2)
    return astype(blocks.reshape(d, d), np.float64 if like is None else like.dtype)


def learned(positions, table):
    """Look up a learned vector for each position.

    positions (...,), whole numbers from 0; table (longest, D), a parameter. Returns (..., D).
    Raises IndexError for a position past the end of the table: nothing was learned for it.
    Source: Gehring et al. 2017, section 3.1.

    >>> learned([0, 2], np.array([[1., 1.], [2., 2.], [3., 3.]]))
    array([[1., 1.],
           [3., 3.]])
    """
    check_axes("learned", table=(table, "L D"))
    return table[check_ids("learned", positions, table.shape[0], what="position", table=table)]


def relative_bias(table, N, M=None, past=0):
    """A learned number for each head and distance, to be added to the scores.

    table (H, 2k + 1): column k + r is the bias of a key r places after the query; distances beyond k on either
    side share the last column. N, M and past as in `distances`. Returns (H, N, M) in the dtype of the table.
    Raises ValueError unless the table has an odd number of columns.
    Source: the scalar bias of Raffel et al. 2020 (T5), section 2.1, with distances clipped as in
    Shaw et al. 2018, section 3.2, where T5 puts distant ones into buckets of growing width.

    >>> relative_bias(np.array([[-1., 0., 1.]]), 3)
    array([[[ 0.,  1.,  1.],
            [-1.,  0.,  1.],
            [-1., -1.,  0.]]])
    """
    k = table_reach(table)
    ahead = distances(*check_places("relative_bias", N, M, past), like=table)
    return table[:, ahead.clip(-k, k) + k]


def alibi_slopes(heads, like=None):
    """The slope of each head's penalty on distance: 2^(-8h / H) for h = 1..H, when H is a power of two.

    Other numbers of heads take the slopes of the next smaller power of two, then every other slope of
    twice that power. Returns (heads,) in float64, or in the kind and dtype of `like`.
    Raises ValueError unless heads is 1 or more, TypeError when `like` is not floating.
    Source: Press et al. 2022, section 3, and the authors' code for other numbers of heads.

    >>> alibi_slopes(4)
    array([0.25      , 0.0625    , 0.015625  , 0.00390625])
    >>> alibi_slopes(3)
    array([0.0625    , 0.00390625, 0.25      ])
    """
    heads = check_sizes("alibi_slopes", heads=heads)
    check_like("alibi_slopes", like)
    return astype(_slopes(heads, like), np.float64 if like is None else like.dtype)


def _slopes(heads, like):
    """The slopes of `alibi_slopes` in float64."""
    power = 2 ** (heads.bit_length() - 1)                                # the largest power of two <= heads
    places = concatenate([2 * arange(1, power + 1, like), 2 * arange(0, heads - power, like) + 1], axis=0)
    return 2.0 ** (-4 / power * float64(places))


def alibi_bias(heads, N, M=None, past=0, causal=False, like=None):
    """A penalty on far keys: minus slope x distance, to be added to the scores.

    N, M and past as in `distances`. Returns (heads, N, M) in float64, or in the kind and dtype of `like`:
    -slope |j - past - i|. With `causal`, later keys get -inf as in the authors' code: bias and mask in one.
    Raises TypeError when `like` is not floating.
    Source: Press et al. 2022, section 3.

    >>> alibi_bias(8, 3)[0]
    array([[-0. , -0.5, -1. ],
           [-0.5, -0. , -0.5],
           [-1. , -0.5, -0. ]])
    """
    heads = check_sizes("alibi_bias", heads=heads)
    check_flags("alibi_bias", causal=causal)
    check_like("alibi_bias", like)
    ahead = distances(*check_places("alibi_bias", N, M, past), like)
    bias = -_slopes(heads, like)[:, None, None] * abs(ahead)             # (heads, N, M)
    if causal:
        bias = where(ahead > 0, -np.inf, bias)
    return astype(bias, np.float64 if like is None else like.dtype)


def rope(x, positions=None, base=10000, rotary_dim=None, interleaved=False, *, frequencies=None, factor=1):
    """Turn each pair of columns by an angle that grows with the position (rotary position embedding).

    x (..., N, d), queries or keys of one head width d, floating; never the values. positions: (N,) or what
    broadcasts to (..., N), 0..N-1 unless given; with a cache, np.arange(past, past + N). They need not be whole:
    position interpolation divides them.
    Pair i of the first rotary_dim columns (all d unless given) turns by position / base^(2i / rotary_dim).
    Pairs are columns (i, i + rotary_dim/2), as in Llama; with `interleaved`, (2i, 2i + 1), as in the paper.
    frequencies (rotary_dim/2,): the angle of each pair a step, in place of those that follow from base; factor
    multiplies what turned. `yarn` gives both, for sequences longer than those a model was trained on.
    Returns x's shape and dtype; float16 is computed in float32. The product of a turned query and a turned
    key depends on their distance only.
    Raises ValueError when rotary_dim or positions do not fit, TypeError when x is not floating.
    Source: Su et al. 2021, section 3; the half layout is GPT-NeoX's.

    >>> rope(np.array([[1., 0.], [1., 0.]])).round(2)
    array([[1.  , 0.  ],
           [0.54, 0.84]])
    """
    check_axes("rope", x=(x, "... N d"))
    check_floating("rope", x=x)
    check_flags("rope", interleaved=interleaved)
    check_numbers("rope", above=0, factor=factor)
    clocks = check_frequencies(x, frequencies, rotary_dim, base)                          # (r/2,)
    angles = check_positions(x, positions)[..., None] * clocks                            # (..., N, r/2)
    return rotate(x, float(factor) * cos(angles), float(factor) * sin(angles), interleaved)


def rotate(x, cos, sin, interleaved=False):
    """Turn pairs of columns by angles given as cosines and sines: `rope` with the angles already computed.

    x (..., N, d), floating; cos, sin (N, r/2) or what broadcasts to (..., N, r/2), r <= d, of one floating dtype that
    may be wider than x's. The first r columns turn, the others stay. Returns x's shape and dtype; float16 is computed
    in float32.
    Raises ValueError when the shapes do not fit, TypeError when the dtypes are not floating.

    >>> rotate(np.array([[3., 4., 5.]]), np.array([[0.]]), np.array([[1.]]))
    array([[-4.,  3.,  5.]])
    """
    check_angles(x, cos, sin)
    check_flags("rotate", interleaved=interleaved)
    r = 2 * cos.shape[-1]
    turning, = widen(x[..., :r])
    cos, sin = astype(cos, turning.dtype), astype(sin, turning.dtype)
    halves = turning[..., : r // 2], turning[..., r // 2 :]
    first, second = (turning[..., 0::2], turning[..., 1::2]) if interleaved else halves
    pair = first * cos - second * sin, first * sin + second * cos       # 2 of (..., N, r/2)
    turned = stack(pair, axis=-1).reshape(turning.shape) if interleaved else concatenate(pair, axis=-1)
    return concatenate([astype(turned, x.dtype), x[..., r:]], axis=-1)


def frequencies(d, base=10000, like=None):
    """The angle in radians by which each pair of d columns turns in one step: base^(-2i / d), (d/2,).

    Returns float64, of the kind of `like`. Raises ValueError for an odd d.

    >>> frequencies(4)
    array([1.  , 0.01])
    """
    check_like("frequencies", like, real=False)
    d, base = check_clocks("frequencies", d, base)
    return base ** (-2 * float64(arange(0, d // 2, like)) / d)


def yarn(d, factor, length, base=10000, beta_fast=32, beta_slow=1, like=None):
    """What `rope` needs to read `factor` times as far as the `length` a model was trained on: YaRN.

    d columns turn. A pair that turns more than `beta_fast` times within the length keeps its frequency, for it tells
    near places apart; one that turns fewer than `beta_slow` times is slowed down by the factor, so that no angle is
    new; those between go from one to the other in equal steps.
    Returns the frequencies (d/2,) in float64, of the kind of `like`, and the number by which turned queries and turned
    keys are multiplied, 0.1 ln(factor) + 1: together they sharpen the attention, which more keys would flatten.
    Raises ValueError for an odd d, a factor below 1, a base not above 1, or
    beta_fast not above beta_slow.
    Source: Peng et al. 2023, "YaRN", with the steps of the authors' code.

    >>> clocks, stretch = yarn(16, factor=4, length=1024)
    >>> (clocks / frequencies(16)).round(2)
    array([1.  , 1.  , 0.81, 0.62, 0.44, 0.25, 0.25, 0.25])
    >>> turned = rope(np.ones((2, 16)), [0, 4095], frequencies=clocks, factor=stretch)
    """
    check_like("yarn", like, real=False)
    d, base = check_clocks("yarn", d, base)
    length = check_sizes("yarn", length=length)
    check_numbers("yarn", above=0, factor=factor, beta_fast=beta_fast, beta_slow=beta_slow)
    if factor < 1 or beta_fast <= beta_slow or base <= 1:
        raise ValueError(
            "yarn: factor needs to be 1 or more, beta_fast above beta_slow, and base above 1. "
            f"Got factor={factor}, beta_fast={beta_fast}, beta_slow={beta_slow}, base={base}."
        )
    first, last = (d / 2 * math.log(length / (2 * math.pi * turns), base) for turns in (beta_fast, beta_slow))
    first, last = max(math.floor(first), 0), min(math.ceil(last), d - 1)     # the pairs that turn so many times
    slowed = (float64(arange(0, d // 2, like)) - first) / max(last - first, 1e-3)
    slowed = slowed.clip(0, 1)                                               # (d/2,) 0 keeps, 1 slows down
    clocks = frequencies(d, base, like)
    return clocks * (1 - slowed) + clocks / float(factor) * slowed, 0.1 * math.log(factor) + 1


def check_places(who, N, M, past, like=None):
    """N, M and past as Python's integers, M = N + past for None; raise unless they are sizes and `like` has a kind."""
    check_like(who, like, real=False)
    N, past = check_sizes(who, least=0, N=N, past=past)
    return N, N + past if M is None else check_sizes(who, least=0, M=M), past


def check_clocks(who, d, base, like=None):
    """The width as Python's integer and the base as its float; raise unless d columns make pairs."""
    check_like(who, like)
    check_numbers(who, above=0, base=base)
    d = check_sizes(who, least=0, d=d)
    if d % 2:
        raise ValueError(f"{who}: positions turn columns in pairs, so the width must be even; got {d}.")
    return d, float(base)


def check_frequencies(x, given, rotary_dim, base):
    """The frequencies (r/2,) of `rope` in float64; raise unless the given ones, or those of base, fit x."""
    if given is None:
        r, base = check_clocks("rope", check_columns(x, rotary_dim), base)
        return frequencies(r, base, like=x)
    check_arrays("rope", x=x, frequencies=given)
    check_axes("rope", frequencies=(given, "r/2"))
    check_floating("rope", frequencies=given)
    if 2 * given.shape[0] != check_columns(x, 2 * given.shape[0] if rotary_dim is None else rotary_dim):
        raise ValueError(f"rope: frequencies needs one number for each of {rotary_dim // 2} pairs of columns; "
                         f"got {given.shape[0]}.")
    return float64(given)


def check_columns(x, rotary_dim):
    """How many columns of x are to turn; raise ValueError unless it has them."""
    r = x.shape[-1] if rotary_dim is None else check_sizes("rope", least=0, rotary_dim=rotary_dim)
    if not 0 < r <= x.shape[-1]:
        raise ValueError(f"rope: rotary_dim must be from 2 to {x.shape[-1]}, the number of columns of x; got {r}.")
    return r


def check_positions(x, positions):
    """The positions in float64, 0..N-1 for None; raise unless they are numbers and every row of x has one."""
    if positions is None:
        return float64(arange(0, x.shape[-2], like=x))
    positions = as_array("rope", "positions", positions, x=x)
    if "int" not in str(positions.dtype) and not is_floating(positions.dtype):
        raise TypeError(f"rope: positions must be real numbers; got {positions.dtype} {tuple(positions.shape)}.")
    rows = tuple(x.shape[:-1])
    if broadcast(positions.shape, rows) != rows:
        raise ValueError(
            f"rope: positions {tuple(positions.shape)} do not broadcast to the rows {rows} of x {tuple(x.shape)}. "
            "For positions (B, N) and x (B, H, N, d), pass positions[:, None]."
        )
    return float64(positions)


def check_angles(x, cos, sin):
    """Raise, naming what came, unless cos and sin fit x."""
    check_axes("rotate", x=(x, "... N d"))
    check_arrays("rotate", x=x, cos=cos, sin=sin)
    check_floating("rotate", x=x)
    check_floating("rotate", cos=cos, sin=sin)
    if cos.shape != sin.shape or not cos.ndim or 2 * cos.shape[-1] > x.shape[-1]:
        raise ValueError(
            f"rotate: cos and sin need one shape, (..., N, r/2) with r at most {x.shape[-1]}. "
            f"{got({'x': (x,), 'cos': (cos,), 'sin': (sin,)})}"
        )
    angles = (*x.shape[:-1], cos.shape[-1])
    if broadcast(cos.shape, angles) != angles:
        raise ValueError(
            f"rotate: cos and sin must broadcast to {angles}. {got({'x': (x,), 'cos': (cos,), 'sin': (sin,)})}"
        )


def table_reach(table):
    """k of a table (H, 2k + 1); raise ValueError unless it is one."""
    check_arrays("relative_bias", table=table)
    if table.ndim != 2 or table.shape[1] % 2 == 0:
        raise ValueError(f"relative_bias: the table needs shape (H, 2k + 1), an odd width. Got {tuple(table.shape)}.")
    return table.shape[1] // 2
