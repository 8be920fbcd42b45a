"""Positions: ways to tell attention where in the sequence a vector stands.

`sinusoidal` and `learned` are added to the vectors, `relative_bias` and `alibi_bias` to the scores; `rope` turns
queries and keys. Where a function takes `like`, an array or tensor, the result has its kind and dtype.
"""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.inputs import check_ids


@also_tensors
def distances(N, M=None, past=0, like=None):
    """The distance of each key from each query: how many places key j lies after query i, j - (past + i).

    N queries, M keys (N + past unless given); past: how many keys come before the first query, the length
    of a cache. Returns (N, M) whole numbers, negative for earlier keys.

    >>> distances(2, 3)
    array([[ 0,  1,  2],
           [-1,  0,  1]])
    """
    M = N + past if M is None else M
    return np.arange(M) - (past + np.arange(N)[:, None])


@also_tensors
def sinusoidal(N, d, base=10000, like=None):
    """Give each position the sines and cosines of d/2 clocks, each slower than the last.

    Returns (N, d) in float64, or in the kind and dtype of `like`. Columns 2i and 2i + 1 hold sin and cos of
    n / base^(2i / d), n counted from 0. Add it to the vectors before W_q, W_k and W_v.
    Raises ValueError for an odd d.
    Source: Vaswani et al. 2017, section 3.5.

    >>> sinusoidal(3, 4).round(2)
    array([[ 0.  ,  1.  ,  0.  ,  1.  ],
           [ 0.84,  0.54,  0.01,  1.  ],
           [ 0.91, -0.42,  0.02,  1.  ]])
    """
    angles = np.arange(N)[:, None] * frequencies(d, base, "sinusoidal")  # (N, d/2)
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1)          # (N, d/2, 2)
    return table.reshape(N, d).astype(np.float64 if like is None else like.dtype)


@also_tensors
def sinusoidal_shift(d, k, base=10000, like=None):
    """The matrix that shifts every sinusoidal position by k places: row n + k = row n @ it.

    Returns (d, d) in float64, or in the kind and dtype of `like`: blocks of 2 x 2, one for each clock, the same
    for every n. k may be negative. Raises ValueError for an odd d.
    Source: Vaswani et al. 2017, section 3.5, claims that it exists.

    >>> P = sinusoidal(9, 6)
    >>> np.allclose(P[:5] @ sinusoidal_shift(6, 4), P[4:])
    True
    """
    angles = k * frequencies(d, base, "sinusoidal_shift")                # (d/2,)
    R = np.zeros((d, d))
    sin, cos = np.arange(0, d, 2), np.arange(1, d, 2)                    # the columns of each
    R[sin, sin] = R[cos, cos] = np.cos(angles)
    R[cos, sin], R[sin, cos] = np.sin(angles), -np.sin(angles)
    return R.astype(np.float64 if like is None else like.dtype)


@also_tensors
def learned(positions, table):
    """Look up a learned vector for each position.

    positions (...,), whole numbers from 0; table (longest, D), a parameter. Returns (..., D).
    Raises IndexError for a position past the end of the table: nothing was learned for it.
    Source: Gehring et al. 2017, section 3.1.

    >>> learned([0, 2], np.array([[1., 1.], [2., 2.], [3., 3.]]))
    array([[1., 1.],
           [3., 3.]])
    """
    positions = np.asarray(positions)
    check_ids("learned", positions, len(table), np.issubdtype(positions.dtype, np.integer), what="position")
    return table[positions]


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
    return table[:, np.clip(distances(N, M, past), -k, k) + k]


@also_tensors
def alibi_slopes(heads, like=None):
    """The slope of each head's penalty on distance: 2^(-8h / H) for h = 1..H, when H is a power of two.

    Other numbers of heads take the slopes of the next smaller power of two, then every other slope of
    twice that power. Returns (heads,) in float64, or in the kind and dtype of `like`.
    Raises ValueError unless heads is 1 or more.
    Source: Press et al. 2022, section 3, and the authors' code for other numbers of heads.

    >>> alibi_slopes(4)
    array([0.25      , 0.0625    , 0.015625  , 0.00390625])
    >>> alibi_slopes(3)
    array([0.0625    , 0.00390625, 0.25      ])
    """
    return np.array(slope_values("alibi_slopes", heads), np.float64 if like is None else like.dtype)


@also_tensors
def alibi_bias(heads, N, M=None, past=0, causal=False, like=None):
    """A penalty on far keys: minus slope x distance, to be added to the scores.

    N, M and past as in `distances`. Returns (heads, N, M) in float64, or in the kind and dtype of `like`:
    -slope |j - past - i|. With `causal`, later keys get -inf as in the authors' code: bias and mask in one.
    Source: Press et al. 2022, eq. 1.

    >>> alibi_bias(8, 3)[0]
    array([[-0. , -0.5, -1. ],
           [-0.5, -0. , -0.5],
           [-1. , -0.5, -0. ]])
    """
    ahead = distances(N, M, past)
    slopes = np.array(slope_values("alibi_bias", heads))
    bias = -slopes[:, None, None] * abs(ahead)                           # (heads, N, M)
    bias = np.where(ahead > 0, -np.inf, bias) if causal else bias
    return bias.astype(np.float64 if like is None else like.dtype)


@also_tensors
def rope(x, positions=None, base=10000, rotary_dim=None, interleaved=False):
    """Turn each pair of columns by an angle that grows with the position (rotary position embedding).

    x (..., N, d), queries or keys of one head width d, floating; never the values. positions: (N,) or what
    broadcasts to (..., N), 0..N-1 unless given; with a cache, np.arange(past, past + N).
    Pair i of the first rotary_dim columns (all d unless given) turns by position / base^(2i / rotary_dim).
    Pairs are columns (i, i + rotary_dim/2), as in Llama; with `interleaved`, (2i, 2i + 1), as in the paper.
    Returns x's shape and dtype; float16 is computed in float32. The product of a turned query and a turned
    key depends on their distance only.
    Raises ValueError when rotary_dim or positions do not fit, TypeError when x is not floating.
    Source: Su et al. 2021, eq. 34; the half layout is GPT-NeoX's.

    >>> rope(np.array([[1., 0.], [1., 0.]])).round(2)
    array([[1.  , 0.  ],
           [0.54, 0.84]])
    """
    check_floating("rope", x, _is_floating(x))
    r = x.shape[-1] if rotary_dim is None else rotary_dim
    positions = np.arange(x.shape[-2]) if positions is None else np.asarray(positions)
    check_positions(x, positions, r)
    angles = positions[..., None] * frequencies(r, base, "rope")         # (..., N, r/2)
    return rotate(x, np.cos(angles), np.sin(angles), interleaved)


@also_tensors
def rotate(x, cos, sin, interleaved=False):
    """Turn pairs of columns by angles given as cosines and sines: `rope` with the angles already computed.

    x (..., N, d), floating; cos, sin (N, r/2) or what broadcasts to (..., N, r/2), r <= d. The first r columns
    turn, the others stay. Returns x's shape and dtype; float16 is computed in float32.
    Raises ValueError when the shapes do not fit, TypeError when x is not floating.

    >>> rotate(np.array([[3., 4., 5.]]), np.array([[0.]]), np.array([[1.]]))
    array([[-4.,  3.,  5.]])
    """
    check_floating("rotate", x, _is_floating(x))
    check_angles(x, cos, sin)
    r, wide = 2 * cos.shape[-1], np.promote_types(x.dtype, np.float32)
    turning, cos, sin = x[..., :r].astype(wide), cos.astype(wide), sin.astype(wide)
    first, second = (turning[..., 0::2], turning[..., 1::2]) if interleaved else np.split(turning, 2, axis=-1)
    pair = first * cos - second * sin, first * sin + second * cos       # 2 of (..., N, r/2)
    turned = np.stack(pair, axis=-1).reshape(turning.shape) if interleaved else np.concatenate(pair, axis=-1)
    return np.concatenate([turned.astype(x.dtype), x[..., r:]], axis=-1)


def _is_floating(x):
    return np.issubdtype(x.dtype, np.floating) or x.dtype.name == "bfloat16"


def frequencies(d, base, who="frequencies"):
    """The angle in radians by which each pair of d columns turns in one step: base^(-2i / d), (d/2,).

    who: the name that an error starts with. Raises ValueError for an odd d.
    """
    check_even(who, d)
    return base ** (-np.arange(0, d, 2) / d)


def check_even(who, d):
    """Raise ValueError for a width that does not split into pairs."""
    if d % 2:
        raise ValueError(f"{who}: positions turn columns in pairs, so the width must be even; got {d}.")


def slope_values(who, heads):
    """The slopes of `alibi_slopes` as a list of Python floats; errors start with `who`."""
    if heads < 1:
        raise ValueError(f"{who}: heads must be 1 or more; got {heads}.")
    power = 2 ** (int(heads).bit_length() - 1)             # the largest power of two <= heads
    slopes = [2 ** (-8 * h / power) for h in range(1, power + 1)]
    extra = [2 ** (-4 * h / power) for h in range(1, 2 * (heads - power), 2)]
    return slopes + extra


def table_reach(table):
    """k of a table (H, 2k + 1); raise ValueError unless it is one."""
    if table.ndim != 2 or table.shape[1] % 2 == 0:
        raise ValueError(f"relative_bias: the table needs shape (H, 2k + 1), an odd width. Got {tuple(table.shape)}.")
    return table.shape[1] // 2


def check_positions(x, positions, r):
    """Raise ValueError, naming what came, unless r columns of x can turn and every row has a position."""
    if not 0 < r <= x.shape[-1]:
        raise ValueError(f"rope: rotary_dim must be from 2 to {x.shape[-1]}, the number of columns of x; got {r}.")
    rows = tuple(x.shape[:-1])
    try:
        fits = np.broadcast_shapes(tuple(positions.shape), rows) == rows
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"rope: positions {tuple(positions.shape)} do not broadcast to the rows {rows} of x {tuple(x.shape)}. "
            "For positions (B, N) and x (B, H, N, d), pass positions[:, None]."
        )


def check_floating(who, x, floating):
    """Raise TypeError unless x is `floating`."""
    if not floating:
        raise TypeError(f"{who}: x must be floating; got {x.dtype}. Rotated components are not whole numbers.")


def check_angles(x, cos, sin):
    """Raise ValueError, naming what came, unless cos and sin fit x."""
    angles = (*x.shape[:-1], cos.shape[-1])
    got = f"Got x {tuple(x.shape)}, cos {tuple(cos.shape)}, sin {tuple(sin.shape)}."
    if cos.shape != sin.shape or 2 * cos.shape[-1] > x.shape[-1]:
        raise ValueError(f"rotate: cos and sin need one shape, (..., N, r/2) with r at most {x.shape[-1]}. {got}")
    try:
        fits = np.broadcast_shapes(tuple(cos.shape), angles) == angles
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"rotate: cos and sin must broadcast to {angles}. {got}")
