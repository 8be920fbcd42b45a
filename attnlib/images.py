"""Images as sets of vectors: patches, convolution as attention, and the Vision Transformer.

An image is (height, width, channels), with any axes before. Its pixels, or its patches, are numbered row by row.
"""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.heads import merge
from attnlib.transformer import encoder, linear
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
    check_patches("patchify", image, p)
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
    C = check_pieces(patches, p, size)
    *batch, _, _ = patches.shape
    H, W = size
    cut = patches.reshape(*batch, H // p, W // p, p, p, C)
    return cut.swapaxes(-4, -3).reshape(*batch, H, W, C)


@also_tensors
def offsets(size, margin=0, like=None):
    """The offset of every key pixel from every query pixel: rows down, columns to the right.

    size (H, W): the N = H W queries. The M keys are the same pixels and `margin` more on every side.
    Returns (N, M, 2) in float64, or in the kind and dtype of `like`, an array or tensor.

    >>> offsets((1, 2))
    array([[[ 0.,  0.],
            [ 0.,  1.]],
    <BLANKLINE>
           [[ 0., -1.],
            [ 0.,  0.]]])
    """
    queries = _grid(size, 0)                                        # (N, 2)
    keys = _grid(size, margin)                                      # (M, 2)
    return (keys - queries[:, None]).astype(np.float64 if like is None else like.dtype)


def _grid(size, margin):
    """Row and column of every pixel, from -margin to the far side plus margin: (pixels, 2)."""
    rows, columns = (np.arange(-margin, length + margin) for length in size)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)


@also_tensors
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
    check_odd(k)
    d = offsets(size, k // 2, like)                                 # (N, M, 2)
    r = np.concatenate([(d**2).sum(-1, keepdims=True), d], -1)      # (N, M, 3)
    shifts = _grid((k, k), 0) - k // 2                              # (k k, 2)
    v = np.concatenate([np.ones((k * k, 1)), -2 * shifts], -1) * -sharpness
    return softmax(np.moveaxis(r @ v.T.astype(r.dtype), -1, 0))     # (k k, N, M)


@also_tensors
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
    *batch, H, W, C = image.shape
    wide = np.promote_types(image.dtype, np.float32)
    around = [(0, 0)] * len(batch) + [(k // 2, k // 2)] * 2 + [(0, 0)]
    values = np.pad(image.astype(wide), around).reshape(*batch, 1, -1, C)    # (..., 1, M, C)
    fetched = conv_heads((H, W), k, sharpness, like=values) @ values               # (..., k k, N, C)
    W_o = kernel.transpose(2, 3, 1, 0).reshape(k * k * C, -1).astype(wide)
    out = merge(fetched) @ W_o                                                     # (..., N, C_out)
    if bias is not None:
        out = out + bias
    return out.reshape(*batch, H, W, -1).astype(image.dtype)


@also_tensors
def receptive_field(alpha, size, margin=0):
    """The mean weight of a head at every offset from the query: where it looks on average.

    alpha (..., N, M): weights over the pixels (or patches) of an image of `size` (H, W), queries down. With a
    margin the keys are those and `margin` more on every side, as in `conv_heads`. A class token must be cut off.
    Returns (..., 2 H - 1 + 2 margin, 2 W - 1 + 2 margin); the middle is the query's own place, below it what
    lies below. The mean is over the queries that have a key at that offset.
    Raises ValueError when alpha does not have these N and M.
    Source: the maps of Cordonnier, Loukas & Jaggi 2020, section 4.

    >>> receptive_field(np.array([[0., 1.], [.5, .5]]), (1, 2))  # to the left, itself, to the right
    array([[0.5 , 0.25, 1.  ]])
    """
    check_weights("receptive_field", alpha, size, margin)
    H, W = (length + margin for length in size)
    place = (offsets(size, margin) + [H - 1, W - 1]).astype(int).reshape(-1, 2)    # (N M, 2)
    place = place @ [2 * W - 1, 1]                                                 # (N M), in a flat map
    total = np.zeros((*alpha.shape[:-2], (2 * H - 1) * (2 * W - 1)), np.promote_types(alpha.dtype, np.float32))
    np.add.at(total, (..., place), alpha.reshape(*alpha.shape[:-2], -1))
    mean = total / np.maximum(np.bincount(place, minlength=total.shape[-1]), 1)
    return mean.reshape(*alpha.shape[:-2], 2 * H - 1, 2 * W - 1).astype(alpha.dtype)


@also_tensors
def attention_distance(alpha, size, margin=0):
    """The mean distance from query to key, weighted by the attention weights: how far a head looks.

    alpha (..., N, M), size and margin as in `receptive_field`. Returns (...), in pixels (or patches).
    Raises ValueError when alpha does not have these N and M.
    Source: Dosovitskiy et al. 2021, figure 7 (right).

    >>> float(attention_distance(np.array([[0., 1.], [.5, .5]]), (1, 2)))
    0.75
    """
    check_weights("attention_distance", alpha, size, margin)
    distance = np.linalg.norm(offsets(size, margin), axis=-1)                      # (N, M)
    return (alpha * distance).sum(-1).mean(-1).astype(alpha.dtype)


def vit(image, parameters, *, p, heads, **options):
    """The Vision Transformer: from an image to one score for each class.

    image (..., H, W, C); parameters patch.W (p p C, D), patch.b (D), cls (D), positions (1 + N, D), blocks.0.*, ...
    and norm.* as in `attnlib.transformer.encoder`, head.W (D, classes), head.b (classes).
    p, the side of a patch; options are those of `attnlib.transformer.block`.
    Returns (..., classes): scores, not probabilities. They are computed from the class token, the first one.
    Raises ValueError when the table of positions does not have a row for every patch and the class token.
    Source: Dosovitskiy et al. 2021, eq. 1-4.
    """
    patches = patchify(image, p)                                                      # (..., N, p p C)
    check_positions(image, patches, parameters["positions"])
    tokens = linear(patches, parameters["patch.W"], parameters.get("patch.b"))              # (..., N, D)
    x = prepend(parameters["cls"], tokens) + parameters["positions"]                        # (..., 1 + N, D)
    own = {name: array for name, array in parameters.items() if name.startswith(("blocks.", "norm."))}
    x = encoder(x, own, heads=heads, **options)
    return linear(x[..., 0, :], parameters["head.W"], parameters.get("head.b"))


@also_tensors
def prepend(token, x):
    """Put one vector in front of every sequence.

    token (D), x (..., N, D). Returns (..., 1 + N, D).

    >>> prepend(np.zeros(2), np.ones((3, 1, 2))).shape
    (3, 2, 2)
    """
    return np.concatenate([np.broadcast_to(token, (*x.shape[:-2], 1, x.shape[-1])), x], -2)


def check_patches(who, image, p):
    """Raise ValueError unless the image has three axes or more and p divides its sides."""
    if image.ndim < 3:
        raise ValueError(f"{who}: an image is (..., H, W, C), a grey one image[..., None]. Got {tuple(image.shape)}.")
    H, W = image.shape[-3:-1]
    if p < 1 or H % p or W % p:
        raise ValueError(f"{who}: patches of {p} x {p} do not fill {H} x {W} pixels. Got image {tuple(image.shape)}.")


def check_pieces(patches, p, size):
    """The number of channels; raise ValueError unless the patches fill an image of this size."""
    H, W = size
    got = f"Got patches {tuple(patches.shape)}, size {(H, W)}."
    if p < 1 or H % p or W % p:
        raise ValueError(f"unpatchify: patches of {p} x {p} do not fill {H} x {W} pixels. {got}")
    N = H * W // p**2
    if patches.ndim < 2 or patches.shape[-2] != N or patches.shape[-1] % p**2:
        raise ValueError(f"unpatchify: {H} x {W} pixels need patches (..., {N}, {p * p} C). {got}")
    return patches.shape[-1] // p**2


def check_odd(k):
    """Raise ValueError unless k is odd: only then has a window a middle."""
    if k < 1 or k % 2 == 0:
        raise ValueError(f"conv_heads: k must be odd, 1, 3, 5, ..., so that a window has a middle. Got {k}.")


def check_kernel(image, kernel, bias):
    """k; raise ValueError or TypeError, naming what came, unless image, kernel and bias fit together."""
    got = f"Got image {tuple(image.shape)}, kernel {tuple(kernel.shape)}"
    got += "." if bias is None else f", bias {tuple(bias.shape)}."
    if image.ndim < 3 or kernel.ndim != 4 or kernel.shape[2] != kernel.shape[3] or kernel.shape[2] % 2 == 0:
        raise ValueError(f"conv_as_attention: needs image (..., H, W, C), kernel (C_out, C, k, k) with k odd. {got}")
    if image.shape[-1] != kernel.shape[1]:
        raise ValueError(
            f"conv_as_attention: the image has {image.shape[-1]} channels, the kernel reads {kernel.shape[1]}; "
            f"both need the same number. {got}"
        )
    if bias is not None and tuple(bias.shape) != (kernel.shape[0],):
        raise ValueError(f"conv_as_attention: {kernel.shape[0]} outputs need a bias ({kernel.shape[0]},). {got}")
    kinds = [value.dtype for value in (image, kernel, bias) if value is not None]
    if len(set(kinds)) > 1:
        raise TypeError(f"conv_as_attention: all need one dtype; got {', '.join(map(str, kinds))}.")
    return kernel.shape[2]


def check_weights(who, alpha, size, margin):
    """Raise ValueError unless alpha has a row for every pixel and a column for every key."""
    (H, W), (tall, broad) = size, (length + 2 * margin for length in size)
    if tuple(alpha.shape[-2:]) != (H * W, tall * broad):
        raise ValueError(
            f"{who}: an image of {H} x {W} with a margin of {margin} needs weights (..., {H * W}, {tall * broad}). "
            f"Got {tuple(alpha.shape)}; cut off a class token with alpha[..., 1:, 1:]."
        )


def check_positions(image, patches, positions):
    """Raise ValueError unless there is a position for every patch and one for the class token."""
    N = patches.shape[-2]
    if positions.shape[0] != 1 + N:
        raise ValueError(
            f"vit: {N} patches and the class token need {1 + N} positions; the table has {positions.shape[0]}. "
            f"Got image {tuple(image.shape)}, patches {tuple(patches.shape)}, positions {tuple(positions.shape)}."
        )
