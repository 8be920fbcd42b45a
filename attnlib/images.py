"""Images as sets of vectors: patches, convolution as attention, and the Vision Transformer.

An image is (height, width, channels), with any axes before. Its pixels, or its patches, are numbered row by row.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from attnlib._arguments import check_arrays, check_axes, check_floating, check_like, check_numbers, check_sizes, got
from attnlib._ops import add_at, arange, astype, broadcast_to, concatenate, norm, stack, widen, zeros
from attnlib.heads import merge
from attnlib.layers import check_names, gelu, layer_norm, linear
from attnlib.transformer import check_stack, encoder
from attnlib.weights import softmax


def patchify(image, p):
    """Cut an image into patches of p x p pixels; each becomes one vector.

    image (..., H, W, C). Returns (..., N, p p C), N = H W / p^2: patches row by row, and inside a patch its
    pixels row by row, each with its channels side by side.
    Raises ValueError unless the image has three axes or more and p divides H and W.
    Source: Dosovitskiy et al. 2021, section 3.1.

    >>> patchify(np.arange(16.).reshape(4, 4, 1), 2)
    array([[ 0.,  1.,  4.,  5.],
           [ 2.,  3.,  6.,  7.],
           [ 8.,  9., 12., 13.],
           [10., 11., 14., 15.]])
    """
    p = check_patches("patchify", image, p)
    *batch, H, W, C = image.shape
    cut = image.reshape(*batch, H // p, p, W // p, p, C)
    return cut.swapaxes(-4, -3).reshape(*batch, H * W // p**2, p * p * C)


def unpatchify(patches, p, size):
    """Put patches back together: the inverse of `patchify`.

    patches (..., N, p p C), size (H, W) of the image. Returns (..., H, W, C).
    Raises ValueError unless the patches are as many and as long as the size says.

    >>> image = np.arange(24.).reshape(4, 2, 3)
    >>> bool((unpatchify(patchify(image, 2), 2, (4, 2)) == image).all())
    True
    """
    p, H, W, C = check_pieces(patches, p, size)
    *batch, _, _ = patches.shape
    cut = patches.reshape(*batch, H // p, W // p, p, p, C)
    return cut.swapaxes(-4, -3).reshape(*batch, H, W, C)


def offsets(size, margin=0, like=None):
    """The offset of every key pixel from every query pixel: rows down, columns to the right.

    size (H, W): the N = H W queries. The M keys are the same pixels and `margin` more on every side.
    Returns (N, M, 2) in float64, or in the kind and dtype of `like`, a floating array or tensor.

    >>> offsets((1, 2))
    array([[[ 0.,  0.],
            [ 0.,  1.]],
    <BLANKLINE>
           [[ 0., -1.],
            [ 0.,  0.]]])
    """
    size, margin = check_size("offsets", size, margin)
    check_like("offsets", like)
    return astype(_offsets(size, margin, like), np.float64 if like is None else like.dtype)


def _offsets(size, margin, like):
    """`offsets` in whole numbers of the kind of `like`."""
    return _grid(size, margin, like) - _grid(size, 0, like)[:, None]     # (M, 2) - (N, 1, 2)


def _grid(size, margin, like):
    """Row and column of every pixel, from -margin to the far side plus margin: (pixels, 2)."""
    rows, columns = (arange(-margin, length + margin, like) for length in size)
    shape = len(rows), len(columns)
    return stack([broadcast_to(rows[:, None], shape), broadcast_to(columns, shape)], axis=-1).reshape(-1, 2)


def conv_heads(size, k, sharpness=46.0, like=None):
    """Attention weights of k^2 heads, each of which looks at one neighbour only: the pixel at the head's own shift.

    size (H, W) of the image; k odd. Returns (k k, N, M), N = H W queries, M = (H + k - 1)(W + k - 1) keys, the
    pixels and a margin of k // 2; in float64, or in the kind and dtype of `like`.
    Head h has shift D, and scores a key at offset d by v_h . r(d) with the quadratic encoding r = (|d|^2, d_1, d_2)
    and v_h = -sharpness (1, -2 D_1, -2 D_2), that is -sharpness |d - D|^2 and a constant of the row.
    The wrong pixels together get less than 5 exp(-sharpness): 5e-20 for 46.
    Source: Cordonnier, Loukas & Jaggi 2020, eq. 9 and lemma 2.

    >>> conv_heads((1, 3), 3)[5].round(3)[:, 5:10]  # the sixth head looks one pixel to the right
    array([[0., 0., 1., 0., 0.],
           [0., 0., 0., 1., 0.],
           [0., 0., 0., 0., 1.]])
    """
    size, _ = check_size("conv_heads", size)
    k = check_odd("conv_heads", k)
    check_numbers("conv_heads", above=0, sharpness=sharpness)
    check_like("conv_heads", like)
    weights = _conv_heads(size, k, float(sharpness), *widen(np.zeros(0) if like is None else like))
    return astype(weights, np.float64 if like is None else like.dtype)


def _conv_heads(size, k, sharpness, wide):
    """`conv_heads` of the kind and dtype of `wide`, which holds the squares of distances and their differences."""
    d = astype(_offsets(size, k // 2, wide), wide.dtype)            # (N, M, 2)
    r = concatenate([(d**2).sum(-1)[..., None], d], axis=-1)        # (N, M, 3)
    shifts = astype(_grid((k, k), 0, wide) - k // 2, wide.dtype)    # (k k, 2)
    v = -sharpness * concatenate([0 * shifts[:, :1] + 1, -2 * shifts], axis=-1)
    return softmax((r @ v.swapaxes(0, 1)).swapaxes(1, 2).swapaxes(0, 1))  # (k k, N, M)


def conv_as_attention(image, kernel, bias=None, sharpness=46.0):
    """A convolution computed by attention: k^2 heads fetch the k^2 neighbours, and W_o is the kernel.

    image (..., H, W, C), kernel (C_out, C, k, k) as PyTorch's conv2d has it, k odd, bias (C_out) or None.
    Returns (..., H, W, C_out) in the dtype of the image: conv2d with stride 1 and zeros around the image.
    float16 is summed in float32. The weights take k^2 H W (H + k - 1)(W + k - 1) numbers: for small images.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit; no convolution takes an image
    with another number of channels than its kernel has.
    Source: Cordonnier, Loukas & Jaggi 2020, theorem 1.

    >>> image = np.arange(9.).reshape(3, 3, 1)
    >>> conv_as_attention(image, np.ones((1, 1, 3, 3)))[..., 0].round(6)
    array([[ 8., 15., 12.],
           [21., 36., 27.],
           [20., 33., 24.]])
    """
    k = check_kernel(image, kernel, bias)
    check_numbers("conv_as_attention", above=0, sharpness=sharpness)
    *batch, H, W, C = image.shape
    pixels, kernel = widen(image, kernel)
    values = _surround(pixels, k // 2).reshape(*batch, 1, (H + k - 1) * (W + k - 1), C)    # (..., 1, M, C)
    fetched = _conv_heads((H, W), k, float(sharpness), wide=values) @ values       # (..., k k, N, C)
    C_out = kernel.shape[0]
    W_o = kernel.reshape(C_out, C, k * k).swapaxes(0, 2).reshape(k * k * C, C_out)
    out = merge(fetched) @ W_o                                                     # (..., N, C_out)
    if bias is not None:
        out = out + bias
    return astype(out.reshape(*batch, H, W, C_out), image.dtype)


def _surround(image, margin):
    """An image with a margin of zeros on every side: (..., H, W, C) -> (..., H + 2 margin, W + 2 margin, C)."""
    *batch, H, W, C = image.shape
    beside = zeros((*batch, H, margin, C), like=image)
    image = concatenate([beside, image, beside], axis=-2)
    above = zeros((*batch, margin, W + 2 * margin, C), like=image)
    return concatenate([above, image, above], axis=-3)


def receptive_field(alpha, size, margin=0):
    """The mean weight of a head at every offset from the query: where it looks on average.

    alpha (..., N, M): weights over the pixels (or patches) of an image of `size` (H, W), queries down. With a
    margin the keys are those and `margin` more on every side, as in `conv_heads`. A class token must be cut off.
    Returns (..., 2 H - 1 + 2 margin, 2 W - 1 + 2 margin); the middle is the query's own place, below it what
    lies below. The mean is over the queries that have a key at that offset.
    Raises ValueError when alpha does not have these N and M, TypeError when it is not floating.
    Source: the maps of Cordonnier, Loukas & Jaggi 2020, section 4.

    >>> receptive_field(np.array([[0., 1.], [.5, .5]]), (1, 2))  # to the left, itself, to the right
    array([[0.5 , 0.25, 1.  ]])
    """
    size, margin = check_weights("receptive_field", alpha, size, margin)
    H, W = (length + margin for length in size)
    rows, columns = _offsets(size, margin, like=alpha).reshape(-1, 2).T
    place = (rows + H - 1) * (2 * W - 1) + columns + W - 1                         # (N M), in a flat map
    weights, = widen(alpha.reshape(*alpha.shape[:-2], place.shape[0]))
    total = add_at(zeros((*alpha.shape[:-2], (2 * H - 1) * (2 * W - 1)), like=weights), place, weights)
    count = add_at(zeros(total.shape[-1:], like=place), place, 0 * place + 1)
    mean = total / count.clip(min=1)
    return astype(mean.reshape(*alpha.shape[:-2], 2 * H - 1, 2 * W - 1), alpha.dtype)


def attention_distance(alpha, size, margin=0):
    """The mean distance from query to key, weighted by the attention weights: how far a head looks.

    alpha (..., N, M), size and margin as in `receptive_field`. Returns (...), in pixels (or patches).
    Raises ValueError when alpha does not have these N and M, TypeError when it is not floating.
    Source: Dosovitskiy et al. 2021, figure 7 (right).

    >>> float(attention_distance(np.array([[0., 1.], [.5, .5]]), (1, 2)))
    0.75
    """
    size, margin = check_weights("attention_distance", alpha, size, margin)
    weights, = widen(alpha)
    distance = norm(astype(_offsets(size, margin, like=alpha), weights.dtype))[..., 0]      # (N, M)
    return astype((weights * distance).sum(-1).mean(-1), alpha.dtype)


def vit(
    image, parameters, *, p, heads, norm_first=True, norm=layer_norm, act=gelu, return_weights=False, **options
):
    """The Vision Transformer: from an image to one score for each class.

    image (..., H, W, C); parameters patch.W (p p C, D), cls (D), positions (1 + N, D), head.W (D, classes), patch.b (D)
    and head.b (classes) if there are any, blocks.0.*, ... and norm.* as in `attnlib.transformer.encoder`.
    p, the side of a patch; the others are those of `attnlib.transformer.encoder`.
    Returns (..., classes): scores, not probabilities. They are computed from the class token, the first one. With
    return_weights, also a list of weights (..., heads, 1 + N, 1 + N), one a block.
    Raises ValueError when the table of positions does not have a row for every patch and the class token, and
    for a name that is missing or unknown; TypeError unless all have one floating dtype.
    Source: Dosovitskiy et al. 2021, eq. 1-4.
    """
    p = check_vit(image, parameters, p)
    patches = patchify(image, p)                                                      # (..., N, p p C)
    tokens = linear(patches, parameters["patch.W"], parameters.get("patch.b"))              # (..., N, D)
    x = prepend(parameters["cls"], tokens) + parameters["positions"]                        # (..., 1 + N, D)
    own = {name: array for name, array in parameters.items() if name.startswith(("blocks.", "norm."))}
    form = {"norm_first": norm_first, "norm": norm, "act": act, "return_weights": return_weights}
    check_stack("vit", x, own, heads, options, **form)
    mixed = encoder(x, own, heads=heads, **form, **options)
    x, weights = mixed if return_weights else (mixed, None)
    scores = linear(x[..., 0, :], parameters["head.W"], parameters.get("head.b"))
    return (scores, weights) if return_weights else scores


def prepend(token, x):
    """Put one vector in front of every sequence.

    token (D), x (..., N, D). Returns (..., 1 + N, D). Raises TypeError when the dtypes differ.

    >>> prepend(np.zeros(2), np.ones((3, 1, 2))).shape
    (3, 2, 2)
    """
    check_axes("prepend", token=(token, "D"), x=(x, "... N D"))
    if token.dtype != x.dtype:
        raise TypeError(f"prepend: token and x need one dtype; got token {token.dtype}, x {x.dtype}.")
    return concatenate([broadcast_to(token, (*x.shape[:-2], 1, x.shape[-1])), x], axis=-2)


def check_size(who, size, margin=0):
    """The sides (H, W) and the margin as Python's integers; raise unless the size is a pair of sizes."""
    margin = check_sizes(who, least=0, margin=margin)
    wrong = TypeError
    if isinstance(size, Sequence | np.ndarray) and not isinstance(size, str) and len(size) == 2:
        try:
            return check_sizes(who, height=size[0], width=size[1]), margin
        except (TypeError, ValueError) as error:
            wrong = type(error)
    raise wrong(f"{who}: size must be a pair of whole numbers, (height, width), 1 or more. Got {size!r}.")


def check_patches(who, image, p):
    """p as Python's integer; raise ValueError unless the image has three axes or more and p divides its sides."""
    check_arrays(who, image=image)
    if image.ndim < 3:
        raise ValueError(f"{who}: an image is (..., H, W, C), a grey one image[..., None]. Got {tuple(image.shape)}.")
    p, (H, W) = check_sizes(who, p=p), image.shape[-3:-1]
    if H % p or W % p:
        raise ValueError(f"{who}: patches of {p} x {p} do not fill {H} x {W} pixels. Got image {tuple(image.shape)}.")
    return p


def check_pieces(patches, p, size):
    """p, the sides and the number of channels; raise ValueError unless the patches fill an image of this size."""
    check_arrays("unpatchify", patches=patches)
    p, ((H, W), _) = check_sizes("unpatchify", p=p), check_size("unpatchify", size)
    came = f"Got patches {tuple(patches.shape)}, size {(H, W)}."
    if H % p or W % p:
        raise ValueError(f"unpatchify: patches of {p} x {p} do not fill {H} x {W} pixels. {came}")
    N = H * W // p**2
    if patches.ndim < 2 or patches.shape[-2] != N or patches.shape[-1] % p**2:
        raise ValueError(f"unpatchify: {H} x {W} pixels need patches (..., {N}, {p * p} C). {came}")
    return p, H, W, patches.shape[-1] // p**2


def check_odd(who, k):
    """k as Python's integer; raise ValueError unless it is odd: only then has a window a middle."""
    k = check_sizes(who, k=k)
    if k % 2 == 0:
        raise ValueError(f"{who}: k must be odd, 1, 3, 5, ..., so that a window has a middle. Got {k}.")
    return k


def check_kernel(image, kernel, bias):
    """k; raise ValueError or TypeError, naming what came, unless image, kernel and bias fit together."""
    given = {"image": image, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    check_arrays("conv_as_attention", **given)
    wrong = None
    if image.ndim < 3 or kernel.ndim != 4 or kernel.shape[2] != kernel.shape[3] or kernel.shape[2] % 2 == 0:
        wrong = "needs image (..., H, W, C), kernel (C_out, C, k, k) with k odd"
    elif image.shape[-1] != kernel.shape[1]:
        wrong = (
            f"the image has {image.shape[-1]} channels, the kernel reads {kernel.shape[1]}; both need the same number"
        )
    elif bias is not None and tuple(bias.shape) != (kernel.shape[0],):
        wrong = f"{kernel.shape[0]} outputs need a bias ({kernel.shape[0]},)"
    if wrong:
        came = got({name: (value,) for name, value in given.items()})
        raise ValueError(f"conv_as_attention: {wrong}. {came}")
    check_floating("conv_as_attention", **given)
    return kernel.shape[2]


def check_weights(who, alpha, size, margin):
    """Size and margin; raise unless alpha is floating, and has a row for every pixel and a column for every key."""
    check_arrays(who, alpha=alpha)
    check_floating(who, alpha=alpha)
    size, margin = check_size(who, size, margin)
    (H, W), (tall, broad) = size, (length + 2 * margin for length in size)
    if tuple(alpha.shape[-2:]) != (H * W, tall * broad):
        raise ValueError(
            f"{who}: an image of {H} x {W} with a margin of {margin} needs weights (..., {H * W}, {tall * broad}). "
            f"Got {tuple(alpha.shape)}; cut off a class token with alpha[..., 1:, 1:]."
        )
    return size, margin


def check_vit(image, parameters, p):
    """p; raise, naming what came, unless the image and the parameters outside of the blocks fit together."""
    p = check_patches("vit", image, p)
    given = parameters if isinstance(parameters, Mapping) else {}
    outside = {name: array for name, array in given.items() if not str(name).startswith(("blocks.", "norm."))}
    needed = ["patch.W", "cls", "positions", "head.W"]
    check_names("vit", outside if given else parameters, needed, ["patch.b", "head.b"])
    axes = {"patch.W": "F D", "patch.b": "? D", "cls": "D", "positions": "P D", "head.W": "D K", "head.b": "? K"}
    check_axes("vit", image=(image, "... H W C"), **{name: (parameters.get(name), a) for name, a in axes.items()})
    check_floating("vit", image=image, **{name: parameters.get(name) for name in axes})
    N, positions = image.shape[-3] * image.shape[-2] // p**2, parameters["positions"]
    if positions.shape[0] != 1 + N:
        raise ValueError(
            f"vit: {N} patches and the class token need {1 + N} positions; the table has {positions.shape[0]}. "
            f"Got image {tuple(image.shape)}, patches of {p} x {p}, positions {tuple(positions.shape)}."
        )
    if parameters["patch.W"].shape[0] != p * p * image.shape[-1]:
        raise ValueError(
            f"vit: patch.W needs {p * p * image.shape[-1]} rows, one for each number of a patch. "
            f"Got image {tuple(image.shape)}, patches of {p} x {p}, patch.W {tuple(parameters['patch.W'].shape)}."
        )
    return p
