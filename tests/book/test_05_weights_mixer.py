"""The interactive figure of chapter 05: does it compute what attnlib computes, and for everyone?"""
import json

import numpy as np
import pytest

from attnlib import attention, scores, weights

pytestmark = [pytest.mark.chromium, pytest.mark.xdist_group("05_weights")]

STATE = "(mixer) => mixer.state"


@pytest.fixture(scope="module")
def page(visit):
    opened = visit("05_weights")
    yield opened
    opened.context.close()


@pytest.fixture
def mixer(page):
    element = page.locator("attention-mixer")
    element.evaluate("(mixer) => mixer.reset()")
    return element


@pytest.fixture
def first(mixer):
    """The words and vectors it starts from."""
    return {name: np.array(value) for name, value in json.loads(mixer.get_attribute("data-first")).items()}


def move(mixer, **values):
    """Set sliders as a hand would."""
    for name, value in values.items():
        mixer.locator(f"[name={name}]").fill(str(value))


@pytest.mark.parametrize("x, y", [(1, .5), (-3, 3), (3, -3), (0, 0), (-.7, 2.2)])
def test_softmax_agrees_with_attnlib(mixer, first, x, y):
    """Are its scores, weights and mixture those of attnlib, to 1e-12?"""
    move(mixer, x=x, y=y)
    shown, q = mixer.evaluate(STATE), np.array([[float(x), float(y)]])
    b, alpha = attention.attend(q, first["K"], first["V"])
    np.testing.assert_allclose(shown["scores"], scores.scaled_dot(q, first["K"])[0], atol=1e-12)
    np.testing.assert_allclose(shown["alpha"], alpha[0], atol=1e-12)
    np.testing.assert_allclose(shown["b"], b[0], atol=1e-12)


def test_relu_agrees_with_attnlib(mixer, first):
    """Does the choice of ReLU / L give attnlib's weights?"""
    mixer.locator("select").select_option("relu")
    move(mixer, x=1, y=-2)
    shown, row = mixer.evaluate(STATE), scores.scaled_dot(np.array([[1., -2.]]), first["K"])
    np.testing.assert_allclose(shown["alpha"], weights.relu_weights(row)[0], atol=1e-12)


def test_what_is_shown_is_what_is_computed(mixer):
    """Do the table and the drawing show the numbers that were computed?"""
    move(mixer, x=-1.2, y=.4)
    state = mixer.evaluate(STATE)

    def column(name):
        return [float(text.replace("−", "-")) for text in mixer.locator(f"td.{name}").all_text_contents()]

    np.testing.assert_allclose(column("score"), state["scores"], atol=.0051)
    np.testing.assert_allclose(column("alpha"), state["alpha"], atol=.0051)
    dot = mixer.locator("circle.mixture")
    place = [float(dot.get_attribute("cx")) / 20, -float(dot.get_attribute("cy")) / 20]
    np.testing.assert_allclose(place, state["b"], atol=1e-9)


def test_arrow_keys(mixer):
    """Do the arrow keys turn the query, and is the change announced?"""
    slider, said = mixer.locator("[name=x]"), mixer.locator("[role=status]")
    before, text = mixer.evaluate(STATE)["q"], said.text_content()
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    after = mixer.evaluate(STATE)["q"]
    assert after[0] == pytest.approx(before[0] - .2) and after[1] == before[1]
    assert said.text_content() != text


def test_nobody_gets_weight(mixer):
    """Is it said in words when ReLU leaves no word any weight?"""
    mixer.locator("select").select_option("relu")
    move(mixer, x=0, y=0)
    assert "no word gets any weight" in mixer.locator("[role=status]").text_content()


def test_print_shows_the_first_state(mixer, first):
    """Is the first state on paper, whatever was on the screen, and no control?"""
    page = mixer.page
    move(mixer, x=-3, y=-3)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert mixer.evaluate(STATE)["q"] == first["q"].tolist()
    assert not mixer.locator(".controls").is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')") == "#FFFFFE"
    page.emulate_media(media="screen")


def test_without_scripts(visit, mixer):
    """Does a reader without JavaScript see the same first state?"""
    page = visit("05_weights", scripts=False)
    still = page.locator("attention-mixer")
    for part in ("td.score", "td.alpha", "[role=status]"):
        assert still.locator(part).all_text_contents() == mixer.locator(part).all_text_contents()
    assert still.locator("circle.mixture").is_visible() and not still.locator("input").count()
    page.context.close()
