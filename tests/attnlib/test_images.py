import numpy as np
import pytest
import scipy.signal
import scipy.spatial
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.image import extract_patches_2d
from transformers import ViTConfig, ViTForImageClassification

from attnlib.images import (
    attention_distance,
    conv_as_attention,
    conv_heads,
    offsets,
    patchify,
    prepend,
    receptive_field,
    unpatchify,
    vit,
)
from attnlib.interop import from_hugging_face, hugging_face_options
from attnlib.weights import softmax
from tests.attnlib.draws import draw
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

B, H, W, C, OUT = 2, 6, 9, 3, 5


# ---- patches


def test_patches_are_torchs_unfold(twins):
    """Do our patches, with channels put first, agree with torch.nn.functional.unfold?"""
    image = draw(B, H, W, C)
    patches = twins(patchify, image, 3)
    theirs = F.unfold(torch.from_numpy(image).permute(0, 3, 1, 2), 3, stride=3).mT               # (B, N, C p p)
    np.testing.assert_array_equal(patches.cpu().reshape(B, 6, 9, C).mT.reshape(B, 6, -1), theirs)


def test_patches_are_scikit_learns():
    """Are our patches those of scikit-learn's sliding window, every third of them?"""
    image = draw(H, W, C)
    theirs = extract_patches_2d(image, (3, 3)).reshape(H - 2, W - 2, -1)[::3, ::3]
    np.testing.assert_array_equal(patchify(image, 3), theirs.reshape(6, 27))


def test_a_linear_layer_of_patches_is_a_convolution():
    """Is patchify followed by one matrix the strided convolution that a Vision Transformer begins with?"""
    image, kernel = draw(B, H, W, C), draw(OUT, C, 3, 3, seed=1)
    matrix = kernel.transpose(2, 3, 1, 0).reshape(27, OUT)
    theirs = F.conv2d(torch.from_numpy(image).permute(0, 3, 1, 2), torch.from_numpy(kernel), stride=3)
    np.testing.assert_allclose(patchify(image, 3) @ matrix, theirs.flatten(2).mT, rtol=1e-10)


SIZE = st.integers(1, 4)


@given(SIZE, SIZE, SIZE, SIZE, st.lists(SIZE, max_size=2))
def test_unpatchify_is_the_inverse(p, tall, broad, channels, batch):
    """Does every image come back from its patches, whatever its sides, channels and batch axes?"""
    image = draw(*batch, tall * p, broad * p, channels)
    np.testing.assert_array_equal(unpatchify(patchify(image, p), p, image.shape[-3:-1]), image)


def test_unpatchify_of_tensors(twins):
    """Does unpatchify do for tensors what it does for arrays?"""
    twins(unpatchify, draw(B, 6, 27), 3, (H, W))


def test_reshaping_alone_is_no_patchify():
    """Does cutting by reshape, without moving the axes (V1), give other patches?"""
    image = draw(B, H, W, C)
    assert not np.allclose(image.reshape(B, -1, 27), patchify(image, 3))


def test_dtypes_stay_and_images_are_left_alone():
    """Do half, single and whole numbers keep their type, and is the image the same afterwards?"""
    for dtype in ("float16", "float32", "uint8"):
        image = (draw(H, W, C) * 50).astype(dtype)
        before = image.copy()
        patchify(image, 3)[:] = 0
        assert patchify(image, 3).dtype == dtype
        np.testing.assert_array_equal(image, before)


# ---- convolution as attention


def conv2d(image, kernel, bias=None):
    """PyTorch's conv2d on NumPy arrays with channels last."""
    tensors = [value if value is None else torch.from_numpy(value) for value in (image, kernel, bias)]
    return F.conv2d(tensors[0].movedim(-1, -3), *tensors[1:], padding="same").movedim(-3, -1).numpy()


@pytest.mark.parametrize("k, size", [(1, (4, 3)), (3, (6, 5)), (3, (1, 1)), (5, (4, 7))])
def test_a_convolution_is_attention(k, size, twins):
    """Do k^2 heads with the quadratic encoding give what conv2d gives, to 1e-10, edges and batch included?"""
    image, kernel, bias = draw(B, *size, C), draw(OUT, C, k, k, seed=1), draw(OUT, seed=2)
    out = twins(conv_as_attention, image, kernel, bias)
    np.testing.assert_allclose(out.cpu(), conv2d(image, kernel, bias), rtol=1e-10, atol=1e-10)
    one = conv_as_attention(image[0], kernel)
    np.testing.assert_allclose(one, conv2d(image[:1], kernel)[0], rtol=1e-10, atol=1e-10)


def test_scipy_agrees():
    """Is it SciPy's correlation, which slides the kernel as it is, and not its convolution, which flips it (V4)?"""
    image, kernel = draw(H, W, 1), draw(1, 1, 3, 3, seed=1)
    ours = conv_as_attention(image, kernel)[..., 0]
    theirs = scipy.signal.correlate2d(image[..., 0], kernel[0, 0], "same")
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)
    assert not np.allclose(ours, scipy.signal.convolve2d(image[..., 0], kernel[0, 0], "same"))


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-5)])
def test_narrow_types(dtype, tolerance, twins):
    """In float16 and float32, is the answer of that type, and as near to float64 as the type allows?"""
    values = [draw(*shape, seed=len(shape), dtype=dtype) for shape in ((4, 5, C), (OUT, C, 3, 3), (OUT,))]
    out = twins(conv_as_attention, *values, rtol=tolerance, atol=tolerance)
    exact = conv2d(*(value.astype(float) for value in values))
    np.testing.assert_allclose(out.cpu(), exact, rtol=tolerance, atol=tolerance)


def test_half_precision_is_summed_in_single(twins):
    """Are 4096 float16 ones summed in float32, where a sum in float16 stops at 2048?"""
    image, kernel = np.ones((1, 1, 4096), np.float16), np.ones((1, 4096, 1, 1), np.float16)
    assert twins(conv_as_attention, image, kernel).item() == 4096


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_whole_numbers_are_refused_where_something_is_computed(kind):
    """Does an image of bytes raise, where a convolution in bytes wraps round, and so do weights that are cut off?"""
    image, kernel, alpha = np.full((3, 4, 1), 200, np.uint8), np.ones((2, 1, 3, 3), np.uint8), np.eye(6, dtype=int)
    with pytest.raises(TypeError, match="conv_as_attention: image and kernel need one floating dtype; got .*uint8"):
        conv_as_attention(kind(image), kind(kernel))
    for function in (receptive_field, attention_distance):
        with pytest.raises(TypeError, match=f"{function.__name__}: alpha needs a floating dtype; got alpha .*int64"):
            function(kind(alpha), (2, 3))
    like = kind(np.zeros(1, int))
    calls = {"offsets": lambda: offsets((2, 3), like=like), "conv_heads": lambda: conv_heads((2, 3), 3, like=like)}
    for name, call in calls.items():
        with pytest.raises(TypeError, match=f"{name}: like needs a floating dtype; got like .*int64"):
            call()


def test_half_precision_heads_see_across_a_long_image(twins):
    """In float16, is each head of a row of 64 pixels still one pixel, though squares of distances pass 2048?"""
    heads = twins(conv_heads, (1, 64), 3, like=np.zeros(1, np.float16)).cpu().numpy()
    assert heads.dtype == np.float16
    np.testing.assert_array_equal(heads, conv_heads((1, 64), 3).round())


def test_a_blunt_head_blurs():
    """Does the error shrink as exp(-sharpness), so that 46 and not 1 makes a convolution?"""
    image, kernel = draw(4, 5, C), draw(OUT, C, 3, 3, seed=1)
    right = conv2d(image[None], kernel)[0]
    errors = [abs(conv_as_attention(image, kernel, sharpness=s) - right).max() for s in (1, 5, 10, 20)]
    assert errors[0] > 0.3
    np.testing.assert_allclose(np.diff(np.log(errors[1:])), [-5, -10], rtol=0.1)


def test_weights_of_the_edge_are_not_renormalised():
    """Do weights that fall outside the image go to zeros there, unlike a softmax over the image alone (V8)?"""
    image, kernel = draw(4, 5, C), draw(OUT, C, 3, 3, seed=1)
    d = offsets((4, 5))
    shifts = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij"), -1).reshape(9, 1, 1, 2)
    inside = softmax(-46 * ((d - shifts) ** 2).sum(-1)) @ image.reshape(20, C)                    # (9, 20, C)
    renormalised = inside.swapaxes(0, 1).reshape(20, -1) @ kernel.transpose(2, 3, 1, 0).reshape(27, OUT)
    wrong, right = renormalised.reshape(4, 5, OUT), conv_as_attention(image, kernel)
    np.testing.assert_allclose(wrong[1:-1, 1:-1], right[1:-1, 1:-1], rtol=1e-10, atol=1e-10)
    assert not np.allclose(wrong[0], right[0])


def test_gradients_are_conv2ds(device):
    """Does autograd go through the heads to the image, the kernel and the bias as through conv2d?"""
    values = [torch.from_numpy(v).to(device) for v in (draw(B, 4, 5, C), draw(OUT, C, 3, 3, seed=1), draw(OUT, seed=2))]
    ours, theirs = ([v.clone().requires_grad_() for v in values] for _ in range(2))
    torch.sin(conv_as_attention(*ours)).sum().backward()
    torch.sin(F.conv2d(theirs[0].movedim(-1, 1), *theirs[1:], padding=1)).sum().backward()
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-9)


# ---- what a head looks at


def test_offsets_point_from_query_to_key(twins):
    """Is the offset of key m from query n its row and column less those of n?"""
    found = offsets((3, 4), 1)
    for n, query in enumerate(np.ndindex(3, 4)):
        for m, key in enumerate(np.ndindex(5, 6)):
            np.testing.assert_array_equal(found[n, m], np.array(key) - 1 - query)
    twins(offsets, (3, 4), 1, like=draw(2, dtype=np.float32))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_field_of_a_conv_head_is_one_pixel(k, twins):
    """Does head h of a convolution put all its weight on shift h, row by row through the kernel?"""
    alpha = conv_heads((4, 3), k)
    np.testing.assert_allclose(alpha.sum(-1), 1)
    fields = twins(receptive_field, alpha, (4, 3), k // 2).cpu().numpy()
    middle = np.array(fields.shape[1:]) // 2
    for field, shift in zip(fields, np.ndindex(k, k)):
        row, column = middle - k // 2 + shift
        assert field[row, column] == pytest.approx(1) and field.sum() == pytest.approx(1)
    twins(conv_heads, (4, 3), k, like=draw(2, dtype=np.float32), rtol=1e-6)


def test_field_and_distance_by_loops(twins):
    """Are the mean weight at each offset, and the mean distance, what loops over all pairs give?"""
    alpha = softmax(draw(B, 2, 12, 30))
    weights = {}
    far = np.zeros((B, 2))
    for n, (a, b) in enumerate(np.ndindex(3, 4)):
        for m, (c, d) in enumerate(np.ndindex(5, 6)):
            weights.setdefault((c - 1 - a, d - 1 - b), []).append(alpha[..., n, m])
            far += alpha[..., n, m] * np.hypot(c - 1 - a, d - 1 - b) / 12
    field = twins(receptive_field, alpha, (3, 4), 1).cpu().numpy()
    assert field.shape == (B, 2, 7, 9)
    for down in range(-3, 4):
        for right in range(-4, 5):
            np.testing.assert_allclose(field[..., down + 3, right + 4], np.mean(weights[down, right], 0), rtol=1e-12)
    np.testing.assert_allclose(twins(attention_distance, alpha, (3, 4), 1).cpu(), far, rtol=1e-12)


def test_a_head_that_looks_everywhere_has_an_even_field():
    """Do equal weights give an even field, and the mean distance of two pixels that SciPy computes?"""
    alpha = np.full((12, 12), 1 / 12)
    np.testing.assert_allclose(receptive_field(alpha, (3, 4)), np.full((5, 7), 1 / 12))
    pixels = np.array(list(np.ndindex(3, 4)))
    assert attention_distance(alpha, (3, 4)) == pytest.approx(scipy.spatial.distance.cdist(pixels, pixels).mean())


def test_fields_in_half_precision(twins):
    """Are float16 weights of 1024 pixels averaged in float32, and the answer float16?"""
    alpha = np.full((1024, 1024), 0.0007, np.float16)
    field = twins(receptive_field, alpha, (32, 32), rtol=1e-3)
    assert (field.cpu().numpy() == alpha[0, 0]).all()
    twins(attention_distance, alpha, (32, 32), rtol=1e-3)


def test_layouts_and_pytorchs_transforms():
    """Do views in every layout give the same, and do the functions compile whole, trace and map?"""
    image, kernel, bias = draw(B, 4, 6, C), draw(OUT, C, 3, 3, seed=1), draw(OUT, seed=2)
    alpha, token, x = softmax(draw(B, 6, 20)), draw(4), draw(B, 5, 4, seed=1)
    calls = {
        lambda image: patchify(image, 2): (image,),
        lambda patches: unpatchify(patches, 2, (4, 6)): (draw(B, 6, 12),),
        conv_as_attention: (image, kernel, bias),
        lambda alpha: receptive_field(alpha, (2, 3), 1): (alpha,),
        lambda alpha: attention_distance(alpha, (2, 3), 1): (alpha,),
        prepend: (token, x),
    }
    for function, arrays in calls.items():
        same_in_every_layout(function, *arrays, rtol=1e-9)
        same_in_pytorch(function, *map(torch.from_numpy, arrays), batched=len(arrays) == 1)
    kernel, bias, token = map(torch.from_numpy, (kernel, bias, token))
    same_in_pytorch(lambda image: conv_as_attention(image, kernel, bias), torch.from_numpy(image))
    same_in_pytorch(lambda x: prepend(token, x), torch.from_numpy(x))
    same_in_pytorch(lambda x: conv_heads((2, 3), 3, like=x) + offsets((2, 3), 1, like=x).sum(-1), token, batched=False)


def test_empty_axes():
    """Do no images, no rows, no channels and no heads give empty arrays, and no channels a convolution of zeros?"""
    assert patchify(np.zeros((0, 4, 6, 1)), 2).shape == (0, 6, 4) and patchify(np.zeros((0, 6, 1)), 2).shape == (0, 4)
    assert patchify(np.zeros((4, 6, 0)), 2).shape == (6, 0) and unpatchify(np.zeros((0, 6, 4)), 2, (4, 6)).size == 0
    for kind in (np.asarray, torch.from_numpy):
        none = conv_as_attention(kind(np.zeros((0, 4, 5, C))), kind(np.ones((OUT, C, 3, 3))))
        assert none.shape == (0, 4, 5, OUT)
        zeros = conv_as_attention(kind(np.zeros((4, 5, 0))), kind(np.ones((OUT, 0, 3, 3))))
        assert zeros.shape == (4, 5, OUT) and not zeros.any()
    assert receptive_field(np.zeros((0, 6, 6)), (2, 3)).shape == (0, 3, 5)
    assert attention_distance(np.zeros((0, 6, 6)), (2, 3)).shape == (0,)
    assert prepend(np.ones(4), np.ones((0, 4))).shape == (1, 4)


def test_sizes_of_numpy_do_not_overflow():
    """Are sides of one byte multiplied as Python's are?"""
    side, p = np.uint8(64), np.int8(8)
    image = draw(64, 64, 1)
    np.testing.assert_array_equal(unpatchify(patchify(image, p), p, (side, side)), image)
    np.testing.assert_array_equal(offsets((np.uint8(20), np.uint8(20)), np.uint8(2)), offsets((20, 20), 2))
    np.testing.assert_array_equal(conv_heads((np.uint8(2), 3), np.uint8(3)), conv_heads((2, 3), 3))


# ---- the Vision Transformer


def hugging_faces_vit():
    """A tiny ViT of random parameters from `transformers`, in float64, and its parameters under our names."""
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20, image_size=(H, W),
        patch_size=3, num_channels=C, num_labels=4,
    )
    model = ViTForImageClassification(config).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    first = model.vit.embeddings
    projection = first.patch_embeddings.projection
    parameters = from_hugging_face(model.vit.state_dict(), "vit") | {
        "patch.W": projection.weight.permute(2, 3, 1, 0).reshape(27, 12), "patch.b": projection.bias,
        "cls": first.cls_token[0, 0], "positions": first.position_embeddings[0],
        "head.W": model.classifier.weight.T, "head.b": model.classifier.bias,
    }
    return model, {name: value.detach().numpy() for name, value in parameters.items()}, hugging_face_options(config)


def test_vit_is_hugging_faces(twins):
    """Does our forward pass, on copied parameters, give the scores of Hugging Face's ViT, for arrays and tensors?"""
    model, parameters, options = hugging_faces_vit()
    image = draw(B, H, W, C)
    scores = vit(image, parameters, p=3, **options)
    with torch.no_grad():
        theirs = model(torch.from_numpy(image).permute(0, 3, 1, 2)).logits
    np.testing.assert_allclose(scores, theirs, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(vit(image[1], parameters, p=3, **options), scores[1], rtol=1e-12)
    names = list(parameters)
    by_name = lambda image, *values: vit(image, dict(zip(names, values)), p=3, **options)
    twins(by_name, image, *parameters.values(), atol=1e-10)


def test_a_vit_gives_its_weights():
    """With return_weights, are the weights of every block those that Hugging Face's ViT gives?"""
    model, parameters, options = hugging_faces_vit()
    image = draw(B, H, W, C)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        theirs = model(torch.from_numpy(image).permute(0, 3, 1, 2), output_attentions=True).attentions
    scores, weights = vit(image, parameters, p=3, return_weights=True, **options)
    np.testing.assert_allclose(scores, vit(image, parameters, p=3, **options), rtol=1e-9)
    for ours, their in zip(weights, theirs, strict=True):
        np.testing.assert_allclose(ours, their, rtol=1e-6)  # they take the softmax in float32


def test_without_positions_a_vit_cannot_see_where():
    """With all positions equal, does moving the patches leave the scores alone; and with positions, not?"""
    _, parameters, options = hugging_faces_vit()
    image = draw(H, W, C)
    moved = unpatchify(patchify(image, 3)[[3, 1, 5, 0, 2, 4]], 3, (H, W))
    blind = parameters | {"positions": np.tile(parameters["positions"][:1], (7, 1))}
    np.testing.assert_allclose(vit(moved, blind, p=3, **options), vit(image, blind, p=3, **options), rtol=1e-9)
    assert not np.allclose(vit(moved, parameters, p=3, **options), vit(image, parameters, p=3, **options))


def test_the_class_token_comes_first(twins):
    """Is the class token row 0 of every sequence, and are the patches after it?"""
    x, token = draw(B, 5, 4), draw(4, seed=1)
    out = twins(prepend, token, x).cpu().numpy()
    np.testing.assert_array_equal(out[:, 1:], x)
    np.testing.assert_array_equal(out[:, 0], [token, token])


IMAGE, KERNEL = np.ones((H, W, C)), np.ones((OUT, C, 3, 3))
TABLE = {"patch.W": np.ones((27, 4)), "positions": np.ones((6, 4)), "cls": np.ones(4), "head.W": np.ones((4, 2))}


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    "function, values, options, error, message",
    [
        (patchify, [IMAGE], {"p": 4}, ValueError, r"patches of 4 x 4 do not fill 6 x 9 pixels. Got image \(6, 9, 3\)"),
        (patchify, [IMAGE[..., 0]], {"p": 3}, ValueError, r"a grey one image\[..., None\]. Got \(6, 9\)"),
        (patchify, [IMAGE], {"p": 0}, ValueError, "patchify: p must be a whole number, 1 or more. Got p=0"),
        (unpatchify, [np.ones((6, 27))], {"p": 3, "size": (6, 12)}, ValueError,
         r"6 x 12 pixels need patches \(..., 8, 9 C\). Got patches \(6, 27\), size \(6, 12\)"),
        (unpatchify, [np.ones((6, 26))], {"p": 3, "size": (6, 9)}, ValueError, r"Got patches \(6, 26\)"),
        (unpatchify, [np.ones((6, 27))], {"p": 3, "size": (6, 8)}, ValueError, "do not fill 6 x 8 pixels"),
        (conv_as_attention, [IMAGE[..., :1], KERNEL], {}, ValueError,
         r"the image has 1 channels, the kernel reads 3; .* Got image \(6, 9, 1\), kernel \(5, 3, 3, 3\)"),
        (conv_as_attention, [IMAGE.repeat(2, -1), KERNEL], {}, ValueError, "has 6 channels, the kernel reads 3"),
        (conv_as_attention, [IMAGE, KERNEL[..., :2, :2]], {}, ValueError, r"with k odd. Got .* kernel \(5, 3, 2, 2\)"),
        (conv_as_attention, [IMAGE, KERNEL[..., :1]], {}, ValueError, r"kernel \(C_out, C, k, k\)"),
        (conv_as_attention, [IMAGE, KERNEL, np.ones(4)], {}, ValueError, r"5 outputs need a bias \(5,\).*bias \(4,\)"),
        (conv_as_attention, [IMAGE, KERNEL.astype("f4")], {}, TypeError,
         "need one floating dtype; got image .*float64, kernel .*float32"),
        (receptive_field, [np.ones((7, 7))], {"size": (2, 3)}, ValueError,
         r"needs weights \(..., 6, 6\). Got \(7, 7\); cut off a class token with alpha\[..., 1:, 1:\]"),
        (attention_distance, [np.ones((6, 6))], {"size": (2, 3), "margin": 1}, ValueError,
         r"margin of 1 needs weights \(..., 6, 20\)"),
        (patchify, [IMAGE], {"p": 3.0}, TypeError, "patchify: p must be a whole number, 1 or more. Got 3.0"),
        (unpatchify, [np.ones((6, 27))], {"p": 3, "size": 6}, TypeError,
         r"unpatchify: size must be a pair of whole numbers, \(height, width\), 1 or more. Got 6"),
        (unpatchify, [np.ones((6, 27))], {"p": 3, "size": (6, 9.0)}, TypeError, r"Got \(6, 9.0\)"),
        (unpatchify, [np.ones((6, 27))], {"p": 3, "size": (0, 9)}, ValueError, r"Got \(0, 9\)"),
        (conv_as_attention, [IMAGE, KERNEL], {"sharpness": 0}, ValueError,
         "conv_as_attention: sharpness must be a finite number above 0. Got 0"),
        (receptive_field, [np.ones((6, 6))], {"size": (2, 3), "margin": 1.0}, TypeError,
         "receptive_field: margin must be a whole number, 0 or more. Got 1.0"),
        (prepend, [np.ones(3), np.ones((2, 4))], {}, ValueError, r"prepend: token \(D,\) and x .* need the same D"),
        (prepend, [np.ones(4, "f4"), np.ones((2, 4))], {}, TypeError, "prepend: token and x need one dtype; got token"),
        (lambda image: vit(image, {}, p=3, heads=2), [IMAGE], {}, ValueError,
         "vit: the parameters have no patch.W, cls, positions, head.W"),
        (lambda image: vit(image, [IMAGE], p=3, heads=2), [IMAGE], {}, TypeError,
         "vit: the parameters must be a dict, one array a name. Got list"),
        (lambda image: vit(image, TABLE, p=4, heads=2), [IMAGE], {}, ValueError, "vit: patches of 4 x 4 do not fill"),
        (lambda image, *values: vit(image, dict(zip(TABLE, values)), p=3, heads=2), [IMAGE, *TABLE.values()], {},
         ValueError,
         r"6 patches and the class token need 7 positions; the table has 6"),
    ],
)
def test_errors_name_what_came(kind, function, values, options, error, message):
    """For arrays and tensors, does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(error, match=message):
        function(*map(kind, values), **options)


def test_an_even_window_has_no_middle():
    """Is an even k refused by name?"""
    with pytest.raises(ValueError, match="k must be odd, 1, 3, 5, .* Got 2"):
        conv_heads((3, 3), 2)


def test_a_misspelt_parameter_of_a_vision_transformer_raises():
    """Is a bias under a wrong name refused, and not left out?"""
    shapes = {"patch.W": (9, 4), "cls": 4, "positions": (2, 4), "head.W": (4, 3)}
    parameters = {name: np.ones(shape) for name, shape in shapes.items()}
    with pytest.raises(ValueError, match="^vit: the parameters have an unknown patch.bias. .* may be patch.b, head.b"):
        vit(np.ones((3, 3, 1)), parameters | {"patch.bias": np.ones(4)}, p=3, heads=2)
