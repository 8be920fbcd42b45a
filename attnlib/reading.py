"""Reading heads: what the weights of a trained model show, and what happens without a head.

The weights alpha of one layer are (..., heads, N, N), row i those of query i, as `attnlib.attention.attention_weights`
returns them. A weight tells how much of a value was taken, not how much it mattered: `head_effects` asks the model.
"""

import numpy as np

from attnlib._arguments import (
    as_array,
    broadcast,
    can_look,
    check_axes,
    check_floating,
    check_functions,
    check_numbers,
    check_sizes,
)
from attnlib._dispatch import is_tensor
from attnlib._ops import arange, astype, log, total, where, widen


def mean_at_offset(alpha, back):
    """The mean weight of each head on the key `back` places before the query: the mean of one diagonal.

    alpha (..., N, N), floating. back: 1 for a head that looks at the previous token, 0 at the token itself, negative
    for later ones. Returns (...) in the dtype of alpha, the mean over the queries that have such a key.
    Raises ValueError unless back is from 1 - N to N - 1 and alpha square, TypeError for another kind of number.
    Source: Olsson et al. 2022, "previous token score", for back=1.

    >>> import numpy as np
    >>> previous = np.array([[1., 0., 0.], [1., 0., 0.], [0., 0.5, 0.5]])
    >>> float(mean_at_offset(previous, 1))
    0.75
    """
    check_axes("mean_at_offset", alpha=(alpha, "... N N"))
    check_floating("mean_at_offset", alpha=alpha)
    N = alpha.shape[-1]
    back = check_sizes("mean_at_offset", least=1 - N, back=back)
    if back >= N:
        raise ValueError(f"mean_at_offset: no query has a key {back} places before it. Got alpha {tuple(alpha.shape)}.")
    return astype(total(alpha.diagonal(-back, -2, -1), -1) / (N - abs(back)), alpha.dtype)


def induction_score(alpha, tokens):
    """How much weight each head puts on what came after earlier copies of the current token.

    alpha (..., heads, N, N), floating; tokens (..., N), whole numbers, or (N,) for all. For each query whose token
    came before: the sum of its weights on the keys right after those earlier copies; then the mean over such queries.
    In a sequence of different tokens that comes again after p of them, it is the weight p - 1 places back.
    Returns (..., heads) in the dtype of alpha, from 0 to 1. 1 is a head that finds how the pattern goes on.
    Raises ValueError or TypeError for shapes that do not fit, tokens that are not whole numbers, and a sequence in
    which no token comes again.
    Source: Olsson et al. 2022, "prefix matching", with every earlier copy counted.

    >>> import numpy as np
    >>> perfect = np.zeros((1, 6, 6))
    >>> perfect[0, [3, 4, 5], [1, 2, 3]] = 1
    >>> induction_score(perfect, [7, 8, 9, 7, 8, 9])
    array([1.])
    """
    who = "induction_score"
    check_axes(who, alpha=(alpha, "... H N N"))
    check_floating(who, alpha=alpha)
    tokens = _checked_tokens(who, alpha, tokens)
    place = arange(0, alpha.shape[-1], alpha)
    same = tokens[..., :, None] == tokens[..., None, :]                  # (..., N, N): query and key
    after = same[..., :-1] & (place[1:] <= place[:, None])               # keys 1..N-1, whose token before is the same
    known = after.any(-1)                                                # (..., N): queries whose token came before
    if can_look(tokens) and not known.any(-1).all():
        raise ValueError(f"{who}: no token of a sequence comes again, so nothing can be measured in it.")
    found = total(where(after[..., None, :, :], alpha[..., 1:], 0), -1)  # (..., heads, N)
    found = total(where(known[..., None, :], found, 0), -1)
    return astype(found / known.sum(-1)[..., None], alpha.dtype)


def rollout(alphas, residual=0.5):
    """How much of each input reaches each output through all layers, if weights were all that counts.

    alphas: the weights of every layer, first layer first, each (..., heads, N, N), floating. A layer's heads are
    averaged, mixed with the identity for what goes around the layer, (1 - residual) mean + residual 1, and the layers
    multiplied, the last one on the left. Returns (..., N, N) in the dtype of the weights: row i is the output's.
    Raises ValueError or TypeError naming what came unless there is a layer, all have one shape, kind and floating
    dtype, and residual is from 0 to 1.
    Source: Abnar & Zuidema 2020, section 3, with residual 0.5.

    >>> import numpy as np
    >>> previous = np.array([[[1., 0., 0.], [1., 0., 0.], [0., 1., 0.]]])
    >>> rollout([previous, previous])[2]
    array([0.25, 0.5 , 0.25])
    """
    alphas = _checked_layers("rollout", alphas)
    check_numbers("rollout", residual=residual)
    if not 0 <= residual <= 1:
        raise ValueError(f"rollout: residual must be from 0 to 1. Got {residual}.")
    place = arange(0, alphas[0].shape[-1], alphas[0])
    around = place == place[:, None]                                     # the identity
    reached = None
    for alpha in widen(*alphas):
        through = (1 - residual) * alpha.mean(-3)                        # (..., N, N)
        layer = where(around, through + residual, through)
        reached = layer if reached is None else layer @ reached
    return astype(reached, alphas[0].dtype)


def entropy(alpha):
    """How spread the weights of a row are, in nats: 0 when all is on one key, log(M) when M keys get the same.

    alpha (..., M), floating, rows that sum to 1. Returns (...) in the dtype of alpha; its exp is the number of keys
    that would give the same entropy, if all had one weight. A row of zeros has 0.
    Raises TypeError unless alpha is a floating array or tensor, ValueError for a negative weight.
    Source: Shannon 1948, section 6.

    >>> import numpy as np
    >>> np.exp(entropy(np.array([[1., 0., 0., 0.], [0.25, 0.25, 0.25, 0.25]]))).round(12)
    array([1., 4.])
    """
    check_axes("entropy", alpha=(alpha, "... M"))
    check_floating("entropy", alpha=alpha)
    if can_look(alpha) and (alpha < 0).any():
        raise ValueError("entropy: weights must not be negative.")
    (wide,) = widen(alpha)
    return astype(-total(wide * log(where(wide == 0, 1, wide)), -1), alpha.dtype)


def head_effects(measure, *shape):
    """What a model loses with each head: how much a number that you measure changes when that head alone is off.

    measure: a function of `keep`, a boolean array of this shape, True = the head is on; it runs the model with these
    heads, `encoder(x, parameters, heads=4, keep=keep)` or `model(x, keep=torch.from_numpy(keep))`, and returns a
    number, as the loss or the share of right answers. shape: how many heads, `heads`, or `layers, heads`.
    Returns an array of this shape, measure(one head off) - measure(all on), in float64.
    Heads that back each other up each show little: switch several off at once to see what they do together.
    Raises TypeError or ValueError unless measure is a function that returns one number, and the sizes are 1 or more.
    Source: Michel, Levy & Neubig 2019, section 3.

    >>> import numpy as np
    >>> weight = np.array([[5., 0., 1.]])
    >>> head_effects(lambda keep: (weight * keep).sum(), 1, 3)
    array([[-5.,  0., -1.]])
    """
    check_functions("head_effects", measure=measure)
    shape = [check_sizes("head_effects", **{f"shape[{i}]": size}) for i, size in enumerate(shape)]
    if not shape:
        raise ValueError("head_effects: say how many heads there are: head_effects(measure, heads).")
    effects, whole = np.empty(shape), _measured("head_effects", measure, np.ones(shape, bool))
    for head in np.ndindex(*shape):
        keep = np.ones(shape, bool)
        keep[head] = False
        effects[head] = _measured("head_effects", measure, keep) - whole
    return effects


def _measured(who, measure, keep):
    """measure(keep) as a Python float; raise unless it is one number."""
    number = measure(keep)
    if isinstance(number, np.ndarray) or is_tensor(number):
        if number.size != 1 if isinstance(number, np.ndarray) else number.numel() != 1:
            raise ValueError(f"{who}: measure must return one number. Got {tuple(number.shape)}.")
        number = number.item()
    check_numbers(who, **{"what measure returns": number})
    return float(number)


def _checked_tokens(who, alpha, tokens):
    """The tokens (..., N), in the kind of alpha; raise unless they are whole numbers, one for each query."""
    tokens = as_array(who, "tokens", tokens, alpha=alpha)
    if not str(tokens.dtype).removeprefix("torch.").startswith(("int", "uint")):
        raise TypeError(f"{who}: tokens must be whole numbers; got {tokens.dtype} {tuple(tokens.shape)}.")
    rows = (*alpha.shape[:-3], alpha.shape[-1])
    if tokens.shape[-1:] != rows[-1:] or broadcast(tokens.shape, rows) != rows:
        raise ValueError(
            f"{who}: needs a token for each query, (..., N) or (N,). Got alpha {tuple(alpha.shape)}, tokens "
            f"{tokens.item() if tokens.ndim == 0 else tuple(tokens.shape)}."
        )
    return tokens


def _checked_layers(who, alphas):
    """The weights of every layer as a list; raise unless there is one and all fit together."""
    if not isinstance(alphas, list | tuple) and not hasattr(alphas, "shape"):
        raise TypeError(f"{who}: alphas must be a list of weights, one array a layer. Got {type(alphas).__name__}.")
    alphas = [*alphas] if len(getattr(alphas, "shape", [1])) else []
    if not alphas:
        raise ValueError(f"{who}: needs the weights of one layer at least.")
    named = {f"alphas[{i}]": alpha for i, alpha in enumerate(alphas)}
    check_axes(who, **{name: (alpha, "... h N N") for name, alpha in named.items()})
    check_floating(who, **named)
    return alphas
