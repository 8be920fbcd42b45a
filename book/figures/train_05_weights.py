"""One task, four ways from scores to weights. The experiment of chapter 05.

A sequence has `length` rows, each a name and its colour, then one row with a name alone: say its colour.
One attention layer reads it. Everything but the weights is the same for all four ways.
"""
import torch
from torch.nn.functional import cross_entropy, one_hot

WAYS = {
    "softmax, scaled": lambda products, d: torch.softmax(products / d ** 0.5, dim=-1),
    "softmax, not scaled": lambda products, d: torch.softmax(products, dim=-1),
    "ReLU/L, scaled": lambda products, d: torch.relu(products / d ** 0.5) / products.shape[2],
    "ReLU, scaled": lambda products, d: torch.relu(products / d ** 0.5),
}
torch.set_num_threads(1)                       # small matrices: more threads only wait
NAMES, COLOURS, NAME_WIDTH, D_KEY = 32, 4, 16, 64
TRAIN_LENGTH, LENGTHS = 8, (8, 16, 31)
STEPS, BATCH, TEST, RATE = 400, 64, 1000, 5e-3
SIZES = f"{NAMES} names, {COLOURS} colours, {STEPS} steps of {BATCH} sequences"


def batch(rng, code, size, length):
    """X (size, length + 1, D), whose last row asks; which row it asks for (size,); its colour."""
    names = torch.rand(size, NAMES, generator=rng).argsort(dim=1)[:, :length]
    colours = torch.randint(COLOURS, (size, length), generator=rng)
    asked = torch.randint(length, (size,), generator=rng)
    each = torch.arange(size)
    X = torch.zeros(size, length + 1, NAME_WIDTH + COLOURS)
    X[:, :length, :NAME_WIDTH] = code[names]
    X[:, :length, NAME_WIDTH:] = 2 * one_hot(colours, COLOURS)
    X[:, length, :NAME_WIDTH] = code[names[each, asked]]
    return X, asked, colours[each, asked]


def answer(X, parameters, way):
    """Scores of the colours (size, COLOURS), read out of the last row's mixture b; and alpha."""
    W_q, W_k, W_v, W_out = parameters
    q, K, V = X[:, -1:] @ W_q, X @ W_k, X @ W_v
    alpha = way(q @ K.transpose(1, 2), D_KEY)   # (size, 1, length + 1), self included
    return (alpha @ V @ W_out)[:, 0], alpha[:, 0]


def train(way, seed):
    """Losses (STEPS,); at each of LENGTHS the share of right answers, and of weight on the key asked for."""
    rng = torch.Generator().manual_seed(seed)
    code = torch.randn(NAMES, NAME_WIDTH, generator=rng)
    D = NAME_WIDTH + COLOURS
    shapes = [(D, D_KEY)] * 3 + [(D_KEY, COLOURS)]
    parameters = [torch.randn(shape, generator=rng) / shape[0] ** 0.5 for shape in shapes]
    optimiser = torch.optim.Adam([p.requires_grad_() for p in parameters], lr=RATE)
    losses = []
    for _ in range(STEPS):
        X, _, colour = batch(rng, code, BATCH, TRAIN_LENGTH)
        loss = cross_entropy(answer(X, parameters, way)[0], colour)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    with torch.no_grad():
        right, on_key = zip(*[test(rng, code, parameters, way, length) for length in LENGTHS])
    return losses, right, on_key


def test(rng, code, parameters, way, length):
    """The share of right answers and the share of all weight on the key asked for."""
    X, asked, colour = batch(rng, code, TEST, length)
    scores, alpha = answer(X, parameters, way)
    on_key = alpha[torch.arange(TEST), asked].sum() / alpha.sum()
    return (scores.argmax(dim=1) == colour).float().mean().item(), on_key.item()
