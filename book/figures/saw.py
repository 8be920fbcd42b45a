"""The sentence of the whole book, with vectors small enough to print."""
import numpy as np

from attnlib import attention, scores

words = ["I", "saw", "a", "saw"]
I, saw, a = 0, 1, 2
Q = np.array([[0, -1], [1, .5], [1, -2]])[[I, saw, a, saw]]        # (4, 2)
K = np.array([[1.5, 1], [.5, -1.5], [-1, .5]])[[I, saw, a, saw]]   # (4, 2)
V = np.array([[-1., 2], [2, 1], [0, -2]])[[I, saw, a, saw]]        # (4, 2)
S = scores.scaled_dot(Q, K)                                        # (4, 4)
B, alpha = attention.attend(Q, K, V)                               # (4, 2), (4, 4)
