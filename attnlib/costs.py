"""What a layer costs: its parameters, its operations (FLOPs), and its activations.

The conventions, for every function here:

- A multiply-add is 2 FLOPs. Only products of matrices are counted, as PyTorch's `FlopCounterMode` does: biases,
  softmax, norms and activation functions cost a few operations a number, and are left out.
- Biases are left out unless bias=True (for a norm: its shift).
- Activations are the outputs of products, activation functions and norms. Scores and the weights they become count
  once, and a sum counts as the term it is added into. Activations grow with N; parameters do not.
- One sequence is counted; a batch of B costs B times the FLOPs and activations, and no more parameters.

Every function raises TypeError or ValueError, naming what came, for a size that is no whole number or too small.
"""

from dataclasses import dataclass

from attnlib._arguments import check_flags, check_functions, check_sizes


@dataclass(frozen=True)
class Cost:
    """What a layer costs. Costs add up, in `sum` too; `12 * cost` is that of twelve such layers, one after the other.

    parameters: learned numbers; flops: operations, 2 a multiply-add; activations: intermediate numbers stored. They
    are kept as Python's integers, which have no largest one.

    >>> linear(5, 3, 4) + linear(5, 4, 2)
    Cost(parameters=20, flops=200, activations=30)
    """

    parameters: int = 0
    flops: int = 0
    activations: int = 0

    def __post_init__(self):
        for name, count in vars(self).items():
            object.__setattr__(self, name, check_sizes("Cost", least=0, **{name: count}))

    def __add__(self, other):
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(
            self.parameters + other.parameters, self.flops + other.flops, self.activations + other.activations
        )

    def __radd__(self, zero):
        return self if isinstance(zero, int) and zero == 0 else NotImplemented  # where `sum` starts

    def __rmul__(self, layers):
        layers = check_sizes("Cost", least=0, layers=layers)
        return Cost(layers * self.parameters, layers * self.flops, layers * self.activations)

    def bytes(self, itemsize=4):
        """Memory of the parameters and the activations, in bytes; itemsize is 4 in float32, 2 in float16."""
        return check_sizes("Cost.bytes", itemsize=itemsize) * (self.parameters + self.activations)


def linear(N, d_in, d_out, bias=False):
    """A fully connected layer at each of N positions, the same one everywhere: Y = X W.

    >>> linear(4, 64, 64).parameters
    4096
    """
    N, d_in, d_out = check_sizes("linear", N=N, d_in=d_in, d_out=d_out)
    check_flags("linear", bias=bias)
    return Cost(d_in * d_out + int(bias) * d_out, 2 * N * d_in * d_out, N * d_out)


def dense(N, d_in, d_out=None, bias=False):
    """One fully connected layer over the whole sequence as one long vector: every output depends on every input.

    From N d_in numbers to N d_out (d_out = d_in unless given). No other layer here has parameters that grow with N.

    >>> [dense(N, 64).parameters for N in (4, 7)]
    [65536, 200704]
    """
    N, d_in, d_out = check_sizes("dense", N=N, d_in=d_in, d_out=d_in if d_out is None else d_out)
    check_flags("dense", bias=bias)
    return linear(1, N * d_in, N * d_out, bias)


def windowed_linear(N, d_in, d_out, k, bias=False):
    """A fully connected layer over each vector and its k neighbours on either side, 2 k + 1 in all.

    The copies of the neighbours are not counted among the activations.

    >>> windowed_linear(100, 64, 64, k=5).parameters
    45056
    """
    N, d_in, d_out = check_sizes("windowed_linear", N=N, d_in=d_in, d_out=d_out)
    k = check_sizes("windowed_linear", least=0, k=k)
    check_flags("windowed_linear", bias=bias)
    return linear(N, (2 * k + 1) * d_in, d_out, bias)


def convolution(H, W, c_in, c_out, k, bias=False):
    """A k x k convolution with stride 1 whose output is as large as the image, H x W pixels.

    >>> convolution(8, 8, 3, 16, k=3).parameters
    432
    """
    H, W, c_in, c_out, k = check_sizes("convolution", H=H, W=W, c_in=c_in, c_out=c_out, k=k)
    check_flags("convolution", bias=bias)
    return linear(H * W, k * k * c_in, c_out, bias)


def recurrent(N, d_in, d_hidden, bias=False):
    """A plain recurrent layer (Elman 1990): N steps, each from an input and the state before it, one after another.

    The layer of `attnlib.rnn.rnn`, not `attnlib.linear_attention.recurrent`. With bias, one vector of d_hidden;
    PyTorch's nn.RNN keeps two, whose sum is all that counts. Its tanh counts as the sum that it is taken of.

    >>> recurrent(1000, 64, 64).flops, mixing(1000, d_k=64).flops  # N d^2 against N^2 d
    (16384000, 256000000)
    """
    N, d_in, d_hidden = check_sizes("recurrent", N=N, d_in=d_in, d_hidden=d_hidden)
    check_flags("recurrent", bias=bias)
    return linear(N, d_in, d_hidden, bias) + Cost(d_hidden**2, 2 * N * d_hidden**2)


def pairs(N, M=None, *, causal=False, window=None, past=0):
    """The number of pairs of query and key: N M, less those that `causal` or `window` hides.

    N queries, M keys (N + past unless given). Query i stands at position t = past + i, past the length of a cache;
    causal: it sees keys 0..t; window w: keys t - w..t + w.

    >>> pairs(6000), pairs(6000, causal=True), pairs(6000, window=10)
    (36000000, 18003000, 125890)
    """
    N, M, past, window = check_pairs("pairs", N, M, causal, window, past)
    if window is None and not causal:
        return N * M
    ahead = 0 if causal else window
    seen_or_passed = _keys_before(past + ahead + 1, N, M)  # a query's last key is past + i + ahead
    return seen_or_passed - (0 if window is None else _keys_before(past - window, N, M))


def _keys_before(place, N, M):
    """How many of keys 0..M-1 come before `place`, before place + 1, ... N times, all added up."""
    return _of_first(place + N, M) - _of_first(place, M)


def _of_first(n, M):
    """min(0, M) + min(1, M) + ... + min(n - 1, M), in closed form."""
    n = max(n, 0)
    rising = min(n, M)
    return rising * (rising - 1) // 2 + (n - rising) * M


def mixing(N, M=None, *, heads=1, d_k, d_v=None, causal=False, window=None, past=0):
    """Attention after the projections: the scores and the mixtures of values. It has no parameters.

    heads of width d_k, values of width d_v (d_k unless given); M, causal, window and past as in `pairs`.
    Hidden pairs are not counted: an implementation that computes them first and hides them then spends more.

    >>> mixing(6000, d_k=64)
    Cost(parameters=0, flops=9216000000, activations=36384000)
    """
    N, M, past, window = check_pairs("mixing", N, M, causal, window, past)
    heads, d_k, d_v = check_sizes("mixing", heads=heads, d_k=d_k, d_v=d_k if d_v is None else d_v)
    weights = heads * pairs(N, M, causal=causal, window=window, past=past)
    return Cost(0, 2 * weights * (d_k + d_v), weights + N * heads * d_v)


def self_attention(N, d, d_k=None, d_v=None, *, bias=False, output=False, causal=False, window=None, past=0):
    """Self-attention with one head: W_q, W_k and W_v, the scores, the mixtures; W_o back to d with output=True.

    d_k and d_v are d unless given; causal, window and past as in `multi_head`.

    >>> [self_attention(N, 64).parameters for N in (4, 7)]  # compare `dense`
    [12288, 12288]
    """
    N, _, past, window = check_pairs("self_attention", N, None, causal, window, past)
    d, d_k = check_sizes("self_attention", d=d, d_k=d if d_k is None else d_k)
    d_v = check_sizes("self_attention", d_v=d_k if d_v is None else d_v)
    check_flags("self_attention", bias=bias, output=output)
    options = {"bias": bias, "output": output, "causal": causal, "window": window, "past": past}
    return multi_head(N, d, 1, d_k=d_k, d_v=d_v, **options)


def multi_head(
    N, d_model, heads, M=None, *, key_heads=None, d_k=None, d_v=None, bias=False, output=True, causal=False,
    window=None, past=0
):
    """Multi-head attention: the projections of all heads, the scores, the mixtures, and W_o.

    N queries; M keys and values, from N unless given: M other vectors in cross-attention. d_k is d_model / heads
    unless given, d_v is d_k; with these the number of heads changes no number of parameters.
    Fewer key_heads than heads share keys and values (Ainslie et al. 2023). causal and window as in `pairs`.
    past: the first so many of the M keys (then N + past unless given) lie in a cache, and are not projected again.
    Raises ValueError when the heads do not divide d_model, or the key heads the heads.

    >>> [multi_head(10, 64, heads).parameters for heads in (1, 2, 8)]
    [16384, 16384, 16384]
    """
    N, M, past, window = check_pairs("multi_head", N, M, causal, window, past)
    d_model, heads, key_heads = check_sizes(
        "multi_head", d_model=d_model, heads=heads, key_heads=heads if key_heads is None else key_heads
    )
    check_flags("multi_head", bias=bias, output=output)
    check_heads("multi_head", d_model, heads, key_heads, d_k)
    d_k = check_sizes("multi_head", d_k=d_model // heads if d_k is None else d_k)
    d_v = check_sizes("multi_head", d_v=d_k if d_v is None else d_v)
    if M <= past:
        raise ValueError(f"multi_head: M counts the keys of the cache too, so it needs past + 1 or more. Got M={M}, "
                         f"past={past}.")
    q = linear(N, d_model, heads * d_k, bias)
    k, v = (linear(M - past, d_model, key_heads * width, bias) for width in (d_k, d_v))
    mixed = mixing(N, M, heads=heads, d_k=d_k, d_v=d_v, causal=causal, window=window, past=past)
    return q + k + v + mixed + (linear(N, heads * d_v, d_model, bias) if output else Cost())


def dot_score(N, M, d):
    """Scores by inner products, scaled or not, or by cosines: the cost is the same, and there are no parameters.

    >>> dot_score(5, 7, 4)
    Cost(parameters=0, flops=280, activations=35)
    """
    N, M, d = check_sizes("dot_score", N=N, M=M, d=d)
    return Cost(0, 2 * N * M * d, N * M)


def bilinear_score(N, M, d_q, d_k):
    """Scores by q W k, with W (d_q, d_k).

    >>> bilinear_score(5, 7, 4, 3).parameters
    12
    """
    N, M, d_q, d_k = check_sizes("bilinear_score", N=N, M=M, d_q=d_q, d_k=d_k)
    return linear(N, d_q, d_k) + dot_score(N, M, d_k)


def additive_score(N, M, d_q, d_k, hidden, bias=False):
    """Scores by w . tanh(q W_q + k W_k): each pair has `hidden` activations of its own.

    With bias, one vector of `hidden` inside the tanh.

    >>> additive_score(5, 7, 4, 4, hidden=8)
    Cost(parameters=72, flops=1328, activations=411)
    """
    N, M, d_q, d_k, hidden = check_sizes("additive_score", N=N, M=M, d_q=d_q, d_k=d_k, hidden=hidden)
    check_flags("additive_score", bias=bias)
    every_pair = Cost(activations=N * M * hidden) + linear(N * M, hidden, 1)
    return linear(N, d_q, hidden, bias) + linear(M, d_k, hidden) + every_pair


def layer_norm(N, d, bias=False):
    """A layer norm: a gain for every feature, and with bias a shift.

    >>> layer_norm(5, 64, bias=True)
    Cost(parameters=128, flops=0, activations=320)
    """
    N, d = check_sizes("layer_norm", N=N, d=d)
    check_flags("layer_norm", bias=bias)
    return Cost(d + int(bias) * d, 0, N * d)


def mlp(N, d, hidden=None, bias=False):
    """The small network of a block: at each position from d to `hidden` (4 d unless given), an activation, and back.

    >>> mlp(5, 64).parameters
    32768
    """
    N, d = check_sizes("mlp", N=N, d=d)
    hidden = check_sizes("mlp", hidden=4 * d if hidden is None else hidden)
    check_flags("mlp", bias=bias)
    return linear(N, d, hidden, bias) + Cost(activations=N * hidden) + linear(N, hidden, d, bias)


def block(
    N, d_model, heads, hidden=None, *, bias=False, key_heads=None, causal=False, window=None, past=0
):
    """A transformer block: multi-head attention, an MLP, and a layer norm for each.

    hidden is 4 d_model unless given; key_heads, causal, window and past as in `multi_head`.

    >>> 12 * block(512, 768, 12, bias=True)  # BERT-base without its embeddings
    Cost(parameters=85054464, flops=96636764160, activations=113246208)
    """
    N, _, past, window = check_pairs("block", N, None, causal, window, past)
    d_model, heads, key_heads = check_sizes(
        "block", d_model=d_model, heads=heads, key_heads=heads if key_heads is None else key_heads
    )
    hidden = check_sizes("block", hidden=4 * d_model if hidden is None else hidden)
    check_flags("block", bias=bias)
    check_heads("block", d_model, heads, key_heads)
    options = {"key_heads": key_heads, "bias": bias, "causal": causal, "window": window, "past": past}
    attention = multi_head(N, d_model, heads, **options)
    return attention + mlp(N, d_model, hidden, bias) + 2 * layer_norm(N, d_model, bias)


def crossover(first, second, limit=2**40):
    """The smallest N at which `first` costs more than `second`.

    Both are functions of N, a whole number from 1 on; once first is larger, it must stay larger.
    Raises ValueError when it is not larger at `limit` yet.

    >>> d = 64
    >>> crossover(lambda N: N**2 * d, lambda N: N * d**2)
    65
    >>> crossover(lambda N: mixing(N, d_k=d).flops, lambda N: 3 * linear(N, d, d).flops)  # beyond 1.5 d
    97
    """
    check_functions("crossover", first=first, second=second)
    limit = check_sizes("crossover", limit=limit)
    below, above = 0, 1
    while first(above) <= second(above):
        if above == limit:
            got = f"first is {first(limit)} and second {second(limit)}"
            raise ValueError(f"crossover: at the limit, N = {limit}, {got}; first must pass second up to there.")
        below, above = above, min(2 * above, limit)
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if first(middle) > second(middle) else (middle, above)
    return above


def check_pairs(who, N, M, causal, window, past):
    """N, M (N + past unless given), past and window as Python's integers; raise unless they are what `pairs` takes."""
    check_flags(who, causal=causal)
    N, past = check_sizes(who, N=N), check_sizes(who, least=0, past=past)
    M = N + past if M is None else check_sizes(who, M=M)
    return N, M, past, None if window is None else check_sizes(who, least=0, window=window)


def check_heads(who, d_model, heads, key_heads, d_k=None):
    """Raise ValueError unless the heads divide the width evenly and the key heads the heads."""
    if d_k is None and d_model % heads:
        raise ValueError(f"{who}: {heads} heads do not divide d_model={d_model} evenly. Give d_k, or other heads.")
    if heads % key_heads:
        raise ValueError(f"{who}: {key_heads} key heads cannot be shared evenly by {heads} heads.")
