"""Modules and stateful objects: how weights are loaded, how steps are taken, and what hostile data can say."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

import attnlib.check
from attnlib.check.beside_learner import kinds
from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.modules import make_load_call
from attnlib.check.beside_learner.steps import make_and_step
from attnlib.check.beside_learner.unfit import Unfit
from attnlib.check.beside_learner.wire import WireError
from attnlib.check.scoring import guesses, steps
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.outcome import printable, read_outcomes
from attnlib.check.scoring.unfit import SENTENCES, unfit_sentence
from attnlib.check.spec import Case, Exercise
from tests.problem_sets.helpers import report_of
from tests.problem_sets.made_up.ex_97_kinds import NUMBER_PREDICTED, OBJECT, growth

W = np.arange(6.0).reshape(2, 3)
X = np.ones((1, 2))


class Inner:
    def __init__(self):
        self.W = np.zeros((2, 3))


class Outer:
    """Keeps its weights in a list of what is inside."""

    def __init__(self, count):
        self.layers = [Inner() for _ in range(count)]

    def __call__(self, x):
        return x @ self.layers[1].W


class Stack(nn.Module):
    """The same, in torch, with a buffer that is not asked for."""

    def __init__(self, count):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 2, bias=False) for _ in range(count))
        self.register_buffer("mask", torch.ones(2))

    def forward(self, x):
        assert not self.training
        return x @ self.layers[1].weight


@pytest.mark.parametrize(("made", "names"), [
    (Outer, ("layers.0.W", "layers.1.W")), (Stack, ("layers.0.weight", "layers.1.weight"))])
def test_dotted_names_go_into_what_is_inside(made, names):
    """Are weights of inner layers loaded by dotted names, in the weights' own dtype?"""
    for dtype in (np.float32, np.float64):
        weights = {names[0]: np.ones((2, 3), dtype), names[1]: W.astype(dtype)}
        result = make_load_call(made, [{"count": 2}, weights, X.astype(dtype)])
        np.testing.assert_array_equal(np.asarray(result.detach() if made is Stack else result), X @ W)
        assert str(result.dtype).removeprefix("torch.") == np.dtype(dtype).name


def test_a_function_or_a_partial_may_make_the_object():
    """Is whatever makes an object as good as a class, and an object that was made already refused?"""
    exact = functools.partial(Outer, 2)
    for made in (lambda count: Outer(count), Outer):
        assert kinds.refusal("module", made) is None
        make_load_call(made, [[2], {"layers.1.W": W}, X])
    assert kinds.refusal("object", exact) is None
    for answer in (Outer(2), Stack(2), 3, None, "class"):
        assert kinds.refusal("module", answer)["unfit"]["what"] == "no class"


def test_changing_loaded_weights_in_place_is_seen():
    """Does an nn.Module work on a copy of the weights, so that training it changes no input?"""
    class Trains(Stack):
        def forward(self, x):
            with torch.no_grad():
                self.layers[1].weight += 1
            return super().forward(x)

    given = {"layers.0.weight": W.copy(), "layers.1.weight": W.copy()}
    make_load_call(Trains, [[2], given, X])
    assert np.array_equal(given["layers.1.weight"], W)


class Buffer:
    """Hands out the array that it goes on writing into, from `write`; counts in the class in `count`."""

    shared = []

    def __init__(self):
        self.kept = np.zeros(2)

    def write(self, x):
        self.kept += x
        return self.kept

    def count(self):
        self.shared.append(1)
        return len(self.shared)

    def __call__(self, x):
        return 2 * x


def test_a_result_is_what_it_was_when_it_came_back():
    """Are the results of steps kept as they were, the object called where no method is named?"""
    found = make_and_step(Buffer, [[], [("write", 1.0), ("write", 1.0), ("", 4.0)]])
    assert [each.tolist() if hasattr(each, "tolist") else each for each in found] == [[1, 1], [2, 2], 8.0]


def test_state_that_objects_share_is_seen():
    """Does an object that counts in its class give other numbers when it is made a second time?"""
    class Fresh(Buffer):
        def __init__(self):
            self.shared = []

    exercise = Exercise(
        name="counts", asks="counts", kind="object", reference=Fresh, slips=(), properties=(steps.steps(1),),
        cases=lambda rng: [Case("plain", ([], [("count",), ("count",)]), "a counter")])
    assert report_of(exercise, Fresh).points == 1
    Buffer.shared.clear()
    assert "For a counter: right when first called, and not when called again with the same inputs." in report_of(
        exercise, Buffer).text()


def test_the_step_that_raises_is_told_and_the_keyboard_is_not_there():
    """Is an exception told with its step, and input() told as such?"""
    class Asks(OBJECT.reference):
        def attend(self, q):
            return input()

    assert report_of(OBJECT, Asks).headline.startswith("It calls `input()`, and nobody can type")
    outcomes = respond(challenge(OBJECT, 0), OBJECT.reference)["outcomes"]
    outcomes[0] = {"raised": {"type": "E", "message": "m", "line": "", "step": "step \ud800 2\n" * 99}}
    assert "in step 2 step 2" in read_outcomes({"outcomes": outcomes}, len(outcomes))[0].content


@pytest.mark.parametrize("data", [
    None, 3, [], {}, {"what": "no such code"}, {"what": ["no class"]}, {"what": "no class"},
    {"what": "no class", "got": 3}, {"what": "other shape", "name": "W", "got": "(2,)"},
    {"what": "no class", "got": None},
])
def test_made_up_data_about_what_does_not_fit_is_refused(data):
    """Does data of another form raise the one error that scoring expects?"""
    with pytest.raises(WireError):
        unfit_sentence(data, printable)
    outcome = {"outcomes": [{"unfit": data}]}
    with pytest.raises(WireError):
        read_outcomes(outcome, 1)


def test_made_up_names_are_told_on_one_line_of_bounded_length():
    """Can a name hold a format, a line break or a novel?"""
    told = unfit_sentence({"what": "no class", "got": "{what}\n{0}\u202e" + "x" * 9999}, printable)
    assert "{what} {0}" in told and "\n" not in told and len(told) < 700


@pytest.mark.parametrize("what", SENTENCES)
def test_every_sentence_is_about_something_beside_the_learner(what):
    """Is every code raised somewhere, with the words that its sentence needs?"""
    from pathlib import Path

    folder = Path(kinds.__file__).parent
    assert any(f'Unfit("{what}"' in path.read_text() for path in folder.glob("*.py")), what


def test_exceptions_are_alike_only_in_the_same_step():
    """Would a slip that fails in a later step be blamed for an answer that fails in an earlier one?"""
    def raised(step):
        data = {"raised": {"type": "IndexError", "message": "full", "line": "", "step": step}}
        return read_outcomes({"outcomes": [data]}, 1)[0]

    assert raised("step 2 of 9").error == "IndexError, in step 2 of 9" != raised("step 8 of 9").error


def test_unfit_answers_are_alike_only_if_their_sentences_are():
    """Would a slip that does not fit be blamed for another that does not?"""
    one, other = (read_outcomes({"outcomes": [Unfit("no class", got=got).outcome()]}, 1)[0] for got in ("a", "b"))
    assert one.error != other.error


# --- check, with a prediction


def test_check_takes_a_prediction_beside_a_function(monkeypatch):
    """Does check(name, prediction, function) score both, here as in the sandbox?"""
    monkeypatch.setattr("attnlib.check.spec.find", {NUMBER_PREDICTED.name: NUMBER_PREDICTED}.get)
    assert attnlib.check.check(NUMBER_PREDICTED.name, 4, growth).summary == "2 of 2 points"
    with pytest.raises(attnlib.check.CheckFailed, match="You predicted that twice the tokens cost twice as much"):
        attnlib.check.check(NUMBER_PREDICTED.name, 2, growth)
    with pytest.raises(attnlib.check.CheckFailed, match="and got a function and an int and an int"):
        attnlib.check.check(NUMBER_PREDICTED.name, growth, 4, 4)
    with pytest.raises(TypeError, match="the answer is missing"):
        attnlib.check.check(NUMBER_PREDICTED.name)


def test_a_prediction_is_declared_where_one_is_asked_for():
    """Is a spec refused that lacks the right prediction, or has one for another kind?"""
    for options in ({"kind": "prediction"}, {"prediction": 4}):
        with pytest.raises(ValueError, match="asks: an exercise of kind prediction declares the right one"):
            Exercise("asks", "", abs, list, (), (), **options)


@pytest.mark.parametrize(("guess", "holds"), [
    (4, True), (2.7, True), (5.9, True), (2.6, False), (6.1, False), (0, False), (-4, False), (float("nan"), False),
    (float("inf"), False), (np.float32(4), True), (torch.tensor(4.0), True), ("4", False), ([4], False), (None, False)])
def test_a_prediction_is_near_within_a_factor(guess, holds):
    """Is a number between two thirds and one and a half of the right one near, and nothing else?"""
    report = report_of(NUMBER_PREDICTED, (guess, growth))
    assert report.points == 1 + holds, report.text()


def test_a_prediction_of_zero_is_zero():
    """Is 0 near 0 alone?"""
    near = guesses.prediction_near(1, within=2)
    assert guesses._is_within(0, 0, 2) and not guesses._is_within(0.1, 0, 2) and near.after
