"""Mistakes on the way from weights and values to outputs, whether one output is asked for or all of them."""

from attnlib.check.spec import Mistake

KEYS_MIXED = Mistake(
    "keys-mixed", "The keys are mixed. The weights come from queries and keys; what is mixed are the values.")
OWN_KEY_LEFT_OUT = Mistake(
    "own-key-left-out", "A query leaves out the key at its own position. Here every query sees every key, its own too.")
QUERIES_MIXED = Mistake(
    "queries-mixed", "The queries are mixed. The weights come from queries and keys; what is mixed are the values.")
EARLIER_KEYS_LEFT_OUT = Mistake(
    "earlier-keys-left-out", "A query sees no earlier keys. Here every query sees every key.")
LATER_KEYS_LEFT_OUT = Mistake(
    "later-keys-left-out", "A query sees no later keys. Here every query sees every key.")
SCALE_AFTER_SOFTMAX = Mistake(
    "scale-after-softmax",
    "The scale comes after the softmax, where it no longer evens the weights out. Scale the scores.")
SCORES_MULTIPLY_THE_VALUES = Mistake(
    "scores-multiply-the-values",
    "The scores themselves multiply the values. Turn them into weights with softmax first.")
DIVIDED_BY_THE_NUMBER_OF_KEYS = Mistake(
    "divided-by-the-number-of-keys",
    "The output is divided by the number of keys too. The weights sum to one already: add the weighted values up.")
