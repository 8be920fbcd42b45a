"""Neighbours: how far a mask lets things travel, and attention between the nodes of a graph."""

import math

from attnlib._arguments import broadcast, can_look, check_arrays, check_axes, check_floating, check_mask, check_numbers
from attnlib._ops import arange, astype, isfinite, minimum, where, widen
from attnlib.weights import softmax


def path_length(mask):
    """The fewest layers through which what stands at key j reaches query i, when every layer has this mask.

    mask (..., N, N), boolean, True where a query may look at a key: a window, causal, a graph, or a chain, where each
    looks only at the one before. Returns (..., N, N), whole numbers in float64, or in torch's default dtype: 0 on the
    diagonal, for a vector is at its own place before any layer, and inf where no number of layers is enough.
    It takes N steps over N x N numbers. Raises ValueError or TypeError unless the mask is square and boolean.
    Source: Floyd 1962, algorithm 97; the path length of layers is compared in Vaswani et al. 2017, table 1.

    >>> from attnlib.masks import window
    >>> path_length(window(5, 2))[0]
    array([0., 1., 1., 2., 2.])
    """
    check_axes("path_length", mask=(mask, "... N N"))
    check_mask("path_length", mask, mask.shape)
    place = arange(0, mask.shape[-1], mask)
    steps = where(place == place[:, None], 0.0, where(mask, 1.0, math.inf))
    for k in range(mask.shape[-1]):                                  # paths may now lead through node k as well
        steps = minimum(steps, steps[..., :, k, None] + steps[..., None, k, :])
    return steps


def graph_attention(h, mask, W, a_query, a_key, *, slope=0.2):
    """One step of a graph attention network: each node mixes its neighbours, weighted by an additive score.

    h (..., N, D), a vector a node; mask (N, N) or what broadcasts to (..., N, N), boolean, True where node i may look
    at node j, as `attnlib.masks.graph(edges, N)` gives it, the node itself included; W (..., D, E), a_query (..., E),
    a_key (..., E). With W h_i = z_i, the score of i and j is LeakyReLU(a_query . z_i + a_key . z_j), whose slope
    below zero is `slope`; the paper joins the two vectors to one a.
    Returns mixed (..., N, E), the sum of weights times z_j, before any activation, and the weights alpha (..., N, N).
    A node that may look at nothing gets zeros; what a node may not look at never changes its result, NaN included.
    Several heads: h (..., 1, N, D), W (heads, D, E), a_query and a_key (heads, E); `attnlib.heads.merge` joins them.
    Raises ValueError or TypeError naming what came when shapes or dtypes do not fit.
    Source: Velickovic et al. 2018, eqs. 1 to 4.

    >>> import numpy as np
    >>> from attnlib.masks import graph
    >>> h, one = np.array([[1.], [3.], [9.]]), np.ones(1)
    >>> mixed, alpha = graph_attention(h, graph([(0, 1)], 3), np.eye(1), one, np.log(2) / 2 * one)
    >>> mixed.round(2).T, alpha[0].round(2)
    (array([[2.33, 2.33, 9.  ]]), array([0.33, 0.67, 0.  ]))
    """
    who = "graph_attention"
    check_axes(who, h=(h, "... N d"), W=(W, "... d e"), a_query=(a_query, "... e"), a_key=(a_key, "... e"))
    check_floating(who, h=h, W=W, a_query=a_query, a_key=a_key)
    check_arrays(who, h=h, mask=mask)
    heads = broadcast(h.shape[:-2], W.shape[:-2], a_query.shape[:-1], a_key.shape[:-1])
    check_mask(who, mask, (*heads, h.shape[-2], h.shape[-2]), h=h)
    check_numbers(who, slope=slope)
    wide_h, W, a_query, a_key = widen(h, W, a_query, a_key)
    z = wide_h @ W                                                       # (..., N, E)
    scores = z @ a_query[..., None] + (z @ a_key[..., None]).mT          # (..., N, 1) + (..., 1, N)
    scores = where(scores > 0, scores, slope * scores)                   # LeakyReLU
    alpha = softmax(where(mask, scores, -math.inf))                      # (..., N, N)
    return astype(_mixture(alpha, z, mask), h.dtype), astype(alpha, h.dtype)


def _mixture(alpha, z, mask):
    """alpha @ z, in which what the mask hides counts for nothing: 0 times NaN would be NaN."""
    if not can_look(z) or isfinite(z).all():
        return alpha @ z
    return where(mask[..., None], alpha[..., None] * z[..., None, :, :], 0).sum(-2)   # (..., N, N, E), then summed
