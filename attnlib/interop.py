"""Other libraries: their parameters under our names, and our attention inside their models.

A parameter is an array or a tensor and stays one. Our matrices multiply from the right, x W, and are (in, out);
`torch.nn.Linear` keeps its weight as (out, in), so those are transposed.
"""

import re
from collections.abc import Mapping
from functools import partial

from attnlib._arguments import (
    check_axes,
    check_flags,
    check_numbers,
    check_options,
    check_qkv,
    check_sizes,
    is_floating,
)
from attnlib._dispatch import is_tensor
from attnlib.attention import attention
from attnlib.layers import check_names, gelu, layer_norm, rms_norm, silu


def from_multihead(state):
    """The parameters of a `torch.nn.MultiheadAttention`, for `attention_layer` and `attnlib.nn.MultiHeadAttention`.

    state  its state_dict: in_proj_weight (3 D, D), or q_, k_ and v_proj_weight where keys and values have their own
    width; out_proj.weight (D, D); in_proj_bias (3 D) and out_proj.bias (D) if there are any.
    Returns W_q, W_k, W_v, W_o, (in, out), and b_q, b_k, b_v, b_o if any. Mind its masks: there, True = blocked.
    Raises ValueError for add_bias_kv, which has no place here, and ValueError or TypeError naming what came when names
    or shapes are not those of such a module.

    >>> import numpy as np
    >>> state = {"in_proj_weight": np.arange(12).reshape(6, 2), "out_proj.weight": np.eye(2)}
    >>> from_multihead(state)["W_k"]  # the middle third, transposed
    array([[4, 6],
           [5, 7]])
    """
    check_state_of_multihead("from_multihead", state)
    width = state["out_proj.weight"].shape[0]
    thirds = {name: slice(width * i, width * (i + 1)) for i, name in enumerate("qkv")}
    if "in_proj_weight" in state:
        ours = {f"W_{name}": state["in_proj_weight"][third].T for name, third in thirds.items()}
    else:
        ours = {f"W_{name}": state[f"{name}_proj_weight"].T for name in thirds}
    ours["W_o"] = state["out_proj.weight"].T
    if "in_proj_bias" in state:
        ours |= {f"b_{name}": state["in_proj_bias"][third] for name, third in thirds.items()}
        ours["b_o"] = state["out_proj.bias"]
    return ours


def to_multihead(parameters):
    """A state_dict for `torch.nn.MultiheadAttention` from our parameters: the inverse of `from_multihead`.

    parameters  tensors W_q, W_k, W_v, W_o (D, D), and b_q, b_k, b_v, b_o (D) if any.
    Raises ValueError for fewer key heads than query heads, which that module does not have, and ValueError or TypeError
    naming what came when names, shapes or kinds do not fit.

    >>> import torch
    >>> to_multihead({f"W_{name}": torch.eye(2) for name in "qkvo"})["in_proj_weight"].shape
    torch.Size([6, 2])
    """
    import torch

    check_square("to_multihead", parameters)
    theirs = {
        "in_proj_weight": torch.cat([parameters[f"W_{name}"].T for name in "qkv"]),
        "out_proj.weight": parameters["W_o"].T,
    }
    if "b_q" in parameters:
        theirs["in_proj_bias"] = torch.cat([parameters[f"b_{name}"] for name in "qkv"])
        theirs["out_proj.bias"] = parameters["b_o"]
    return theirs


def check_state_of_multihead(who, state):
    """Raise unless this is the state_dict of a `torch.nn.MultiheadAttention` that has no added key."""
    given = state if isinstance(state, Mapping) else {}
    if "bias_k" in given:
        raise ValueError(f"{who}: add_bias_kv=True adds a key and a value; no layer of attnlib has them. Got bias_k.")
    axes = {"in_proj_weight": "C D"}
    if "q_proj_weight" in given:
        axes = {"q_proj_weight": "D D", "k_proj_weight": "D K", "v_proj_weight": "D V"}
    axes["out_proj.weight"] = "D D"
    if "in_proj_bias" in given or "out_proj.bias" in given:
        axes |= {"in_proj_bias": "C", "out_proj.bias": "D"}
    check_names(who, state, list(axes))
    check_axes(who, **{name: (state[name], of_it) for name, of_it in axes.items()})
    width = state["out_proj.weight"].shape[0]
    for name in ("in_proj_weight", "in_proj_bias"):
        if name in axes and state[name].shape[0] != 3 * width:
            came = f"{name} {tuple(state[name].shape)}, out_proj.weight {tuple(state['out_proj.weight'].shape)}"
            raise ValueError(f"{who}: {name} must have three rows for each of out_proj.weight. Got {came}.")


def check_square(who, parameters):
    """Raise unless these are tensors W_q, W_k, W_v and W_o (D, D), with or without b_q, b_k, b_v and b_o (D)."""
    matrices, biases = [f"W_{name}" for name in "qkvo"], [f"b_{name}" for name in "qkvo"]
    biased = isinstance(parameters, Mapping) and any(name in parameters for name in biases)
    check_names(who, parameters, matrices + biases * biased)
    for name in matrices:
        check_axes(who, **{name: (parameters[name], "I O")})
    if len({tuple(parameters[name].shape) for name in matrices}) > 1:
        shapes = ", ".join(f"{name} {tuple(parameters[name].shape)}" for name in matrices)
        raise ValueError(f"{who}: nn.MultiheadAttention needs four matrices of one shape. Got {shapes}.")
    axes = dict.fromkeys(matrices, "D D") | dict.fromkeys(biases * biased, "D")
    check_axes(who, **{name: (parameters[name], of_it) for name, of_it in axes.items()})
    if not is_tensor(parameters["W_q"]):
        raise TypeError(f"{who}: a torch module needs tensors. Got arrays; convert with torch.from_numpy.")


# Their layer and ours, block by block, as the library's models name them. GPT-2 keeps its matrices as (in, out).
_FAMILIES = {
    "bert": ("encoder.layer.", None, {
        "attention.self.query": "attention.q", "attention.self.key": "attention.k",
        "attention.self.value": "attention.v", "attention.output.dense": "attention.o",
        "attention.output.LayerNorm": "attention_norm",
        "intermediate.dense": "mlp.in", "output.dense": "mlp.out", "output.LayerNorm": "mlp_norm",
    }),
    "vit": ("layers.", "layernorm", {
        "attention.q_proj": "attention.q", "attention.k_proj": "attention.k", "attention.v_proj": "attention.v",
        "attention.o_proj": "attention.o", "layernorm_before": "attention_norm",
        "mlp.fc1": "mlp.in", "mlp.fc2": "mlp.out", "layernorm_after": "mlp_norm",
    }),
    "gpt2": ("h.", "ln_f", {
        "attn.c_attn": "attention.qkv", "attn.c_proj": "attention.o", "ln_1": "attention_norm",
        "mlp.c_fc": "mlp.in", "mlp.c_proj": "mlp.out", "ln_2": "mlp_norm",
    }),
    "llama": ("layers.", "norm", {
        "self_attn.q_proj": "attention.q", "self_attn.k_proj": "attention.k", "self_attn.v_proj": "attention.v",
        "self_attn.o_proj": "attention.o", "input_layernorm": "attention_norm", "mlp.gate_proj": "mlp.gate",
        "mlp.up_proj": "mlp.in", "mlp.down_proj": "mlp.out", "post_attention_layernorm": "mlp_norm",
    }),
}


def from_hugging_face(state, family):
    """The blocks of a Hugging Face model, for `attnlib.transformer.encoder`.

    state   the state_dict of a bare model (BertModel, ViTModel, GPT2Model, LlamaModel), not of one with a task on top.
    family  its `config.model_type`: "bert", "vit", "gpt2" or "llama".
    Returns "blocks.0.attention.W_q" and so on, and "norm.gain" where the model ends in a norm; embeddings and
    poolers are left out. Raises ValueError naming what is there when no block is found, and ValueError or TypeError
    naming what came when a parameter of a block is no array of the axes it needs.

    >>> import numpy as np
    >>> from_hugging_face({"h.0.attn.c_attn.weight": np.arange(12).reshape(2, 6)}, "gpt2")["blocks.0.attention.W_k"]
    array([[2, 3],
           [8, 9]])
    """
    check_state_of_model("from_hugging_face", state, family)
    start, last, layers = _FAMILIES[family]
    ours = {}
    for name, value in state.items():
        found = re.fullmatch(rf"{re.escape(start)}(\d+)\.(.+)\.(weight|bias)", name)
        if found and found[2] in layers:
            layer = f"blocks.{found[1]}.{layers[found[2]]}"
            matrix = found[3] == "weight" and not layer.endswith("norm")
            check_axes("from_hugging_face", **{name: (value, "I O" if matrix else "D")})
            ours |= _renamed(layer, found[3], value, transposed=family != "gpt2")
        elif last and name in (f"{last}.weight", f"{last}.bias"):
            ours |= _renamed("norm", name.rpartition(".")[2], value, transposed=False)
    if not any(name.startswith("blocks.") for name in ours):
        there = ", ".join(list(state)[:3])
        raise ValueError(
            f"from_hugging_face: no name starts with '{start}0.'; pass the bare {family} model's state_dict. "
            f"Got {there}, ..."
        )
    return ours


def check_state_of_model(who, state, family):
    """Raise unless this is a dict whose names are strings, and `family` is one that is known."""
    if family not in list(_FAMILIES):
        raise ValueError(f"{who}: family must be one of {', '.join(_FAMILIES)}. Got {family!r}.")
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        came = f"names {', '.join(map(str, state))}" if isinstance(state, Mapping) else type(state).__name__
        raise TypeError(f"{who}: state must be a state_dict, one array a name. Got {came}.")


def _renamed(layer, kind, value, transposed):
    """One of their parameters as ours: {name: value}, or three where queries, keys and values are kept together."""
    if layer.endswith("norm"):
        return {f"{layer}.{'gain' if kind == 'weight' else 'shift'}": value}
    home, _, own = layer.rpartition(".")
    if kind == "weight" and transposed:
        value = value.T
    letter = "W" if kind == "weight" else "b"
    if own != "qkv":
        return {f"{home}.{letter}_{own}": value}
    width = value.shape[-1] // 3
    return {f"{home}.{letter}_{name}": value[..., width * i : width * (i + 1)] for i, name in enumerate("qkv")}


_ACTIVATIONS = {"gelu": gelu, "gelu_new": partial(gelu, tanh=True), "silu": silu}


def hugging_face_options(config):
    """The options with which `encoder` computes what a model of this configuration does.

    config  of a BERT, ViT, GPT-2 or Llama model. Returns heads, causal, norm, norm_first, act and turn.
    Raises ValueError for another model, and for an activation, a scale or rotary positions that attnlib does not have;
    TypeError for what is no configuration.

    >>> from types import SimpleNamespace
    >>> sizes = {"num_attention_heads": 3, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    >>> hugging_face_options(SimpleNamespace(model_type="vit", **sizes))["norm_first"]
    True
    """
    kind = getattr(config, "model_type", None)
    if kind is None:
        came = type(config).__name__
        raise TypeError(f"hugging_face_options: config must be that of a model, model.config. Got {came}.")
    if kind not in list(_FAMILIES):
        raise ValueError(f"hugging_face_options: model_type must be one of {', '.join(_FAMILIES)}. Got {kind!r}.")
    act = getattr(config, "hidden_act", None) or config.activation_function
    if act not in _ACTIVATIONS:
        raise ValueError(f"hugging_face_options: the activation must be one of {', '.join(_ACTIVATIONS)}. Got {act!r}.")
    if getattr(config, "scale_attn_by_inverse_layer_idx", False):
        raise ValueError(
            "hugging_face_options: every layer of attnlib has the same scale. Got scale_attn_by_inverse_layer_idx=True."
        )
    options = {"heads": config.num_attention_heads, "act": _ACTIVATIONS[act], "norm_first": config.model_type != "bert"}
    options["causal"] = config.model_type in ("gpt2", "llama")
    if config.model_type == "llama":
        return options | {"norm": partial(rms_norm, eps=config.rms_norm_eps), "turn": _rotary(config)}
    eps = config.layer_norm_epsilon if config.model_type == "gpt2" else config.layer_norm_eps
    return options | {"norm": partial(layer_norm, eps=eps)}


def _rotary(config):
    """Rotary positions as this Llama turns its queries and keys."""
    from attnlib.positions import rope

    kind = config.rope_parameters["rope_type"]
    if kind != "default":
        raise ValueError(f"hugging_face_options: only rotary positions of type 'default' are supported. Got {kind!r}.")
    return partial(rope, base=config.rope_parameters["rope_theta"])


def register_with_hugging_face(name="attnlib"):
    """Let every Hugging Face model take `attn_implementation=name`: it then computes with `attnlib.attention`.

    Registers the attention, and masks in the form it takes (bool, True = may attend). Attention weights are not
    returned, as with "sdpa". Needs the transformers package. Raises TypeError when name is no string.

    Afterwards `BertModel.from_pretrained(folder, attn_implementation="attnlib")` computes its attention here.
    """
    if not isinstance(name, str):
        raise TypeError(f"register_with_hugging_face: name must be a string. Got {name!r:.40}.")
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(name, hugging_face_attention)
    AttentionMaskInterface.register(name, sdpa_mask)


# What Transformers passes on besides, and what does not change the numbers where a mask is given as `sdpa_mask` does.
_OF_NO_EFFECT = {
    "position_ids", "position_embeddings", "cache_position", "num_items_in_batch", "use_cache", "output_attentions",
    "output_hidden_states", "output_router_logits", "cu_seq_lens_k", "max_length_q", "max_length_k",
}


def hugging_face_attention(
    module, query, key, value, attention_mask, *, scaling=None, dropout=0.0, is_causal=None, softcap=None, **others
):
    """`attention` in the form Hugging Face's AttentionInterface calls.

    query (B, H, N, D), key and value (B, H_kv, M, D); attention_mask bool (True = may attend) or numbers to add,
    broadcastable to (B, H, N, M). Without a mask a causal module hides the future, a single query being the newest
    of a cache, and what lies `sliding_window` keys or more away; with one, the mask says all of that.
    others: s_aux (H,), the sinks of GPT-OSS; position_bias, floating, broadcastable to (B, H, N, M), added to the
    scores as T5 does; and what Transformers passes to every attention, of no effect here.
    Returns (B, N, H, D) and None, in the place of attention weights.
    Raises ValueError for dropout of weights, for sequences packed into one without a mask, and for any other floating
    tensor, which would have an effect that is not known here.
    """
    who = "hugging_face_attention"
    check_qkv(who, query, key, value)
    sinks, bias, window, packed = (
        others.pop(name, None) for name in ("s_aux", "position_bias", "sliding_window", "cu_seq_lens_q")
    )
    if window is not None:
        window = check_sizes(who, sliding_window=window)
    if dropout is not None:
        check_numbers(who, dropout=dropout)
    if dropout:
        raise ValueError(f"{who}: attention has no dropout of weights; set attention dropout to 0. Got {dropout!r}.")
    if packed is not None and len(packed) > 2 and attention_mask is None:
        raise ValueError(f"{who}: {len(packed) - 1} sequences are packed into one; pass a mask that parts them.")
    if strange := [name for name, x in others.items() if name not in _OF_NO_EFFECT and _is_floating_tensor(x)]:
        raise ValueError(f"{who}: what {', '.join(strange)} does to attention is not known here. Use \"eager\".")
    is_causal = bool(getattr(module, "is_causal", False)) if is_causal is None else is_causal
    check_flags(who, is_causal=is_causal)
    options = {"scale": scaling, "softcap": softcap, "sinks": sinks, "bias": bias}
    if attention_mask is None:
        newest = query.shape[-2] == 1                                    # of a cache; others are aligned top-left
        options |= {"causal": is_causal, "past": max(0, key.shape[-2] - 1) if newest else 0}
        options["window"] = None if window is None else window - 1
    elif _is_floating_tensor(attention_mask):
        options["bias"] = attention_mask if bias is None else attention_mask + bias
    else:
        options["mask"] = attention_mask
    filled = {"mask": None, "causal": False, "window": None, "past": 0} | options
    check_options(who, query, key, **filled)
    return attention(query, key, value, **filled).transpose(1, 2).contiguous(), None


def _is_floating_tensor(x):
    return hasattr(x, "dtype") and is_floating(x.dtype)
