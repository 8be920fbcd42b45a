import re
import socket
import sys
import tomllib
from pathlib import Path

import networkx
import numpy as np
import parso
import pytest
import scipy.signal
from sklearn.datasets import load_digits, load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from attnlib import data
from attnlib.data import pictures, sound, source
from attnlib.data.tagged import pack as pack_tagged
from tools.pack_vowels import pack, read_ts


@pytest.mark.parametrize("name", data.__all__)
def test_nothing_is_downloaded(name, monkeypatch):
    """Does every set load when no socket can be opened, twice the same?"""
    monkeypatch.setattr(socket, "socket", None)
    first, second = getattr(data, name)(), getattr(data, name)()
    assert repr(first) == repr(second)


def test_every_data_file_goes_into_the_wheel():
    """Does pyproject list, as package data, every file of attnlib/data that is not Python?"""
    root = Path(__file__).parents[2]
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["attnlib.data"]
    files = {path for path in (root / "attnlib/data").iterdir() if path.is_file() and path.suffix != ".py"}
    assert files and files == {path for pattern in patterns for path in (root / "attnlib/data").glob(pattern)}


# ---- sound


def test_japanese_vowels_are_the_published_ones():
    """Are there 9 speakers, 270 and 370 utterances, 7 to 29 frames, shared out as the archive says?"""
    utterances, speakers = data.japanese_vowels()
    assert len(utterances) == 640 and speakers.dtype == np.int64
    assert {u.shape[1] for u in utterances} == {12} and {u.dtype for u in utterances} == {np.dtype("f4")}
    assert (min(map(len, utterances)), max(map(len, utterances)), sum(map(len, utterances))) == (7, 29, 9961)
    assert np.bincount(speakers[:270]).tolist() == [30] * 9
    assert np.bincount(speakers[270:]).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    first = [1.860936, -0.207383, 0.261557, -0.214562, -0.171253, -0.118167,
             -0.277557, 0.025668, 0.126701, -0.306756, -0.213076, 0.088728]
    np.testing.assert_allclose(utterances[0][0], first, atol=5e-7)


def test_the_splits_are_parts_of_the_whole():
    """Are "train" and "test" the first 270 utterances and the other 370?"""
    whole, speakers = data.japanese_vowels()
    parts = [data.japanese_vowels(split) for split in ("train", "test")]
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), speakers)
    for ours, theirs in zip(parts[0][0] + parts[1][0], whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_speakers_can_be_told_apart():
    """Do the labels belong to the utterances: does a linear model of the mean frame find nine in ten test speakers?"""
    (train, speakers), (test, who) = data.japanese_vowels("train"), data.japanese_vowels("test")
    model = LogisticRegression(C=100, max_iter=1000).fit([u.mean(0) for u in train], speakers)
    assert model.score([u.mean(0) for u in test], who) > 0.9


def test_the_packed_file_holds_what_the_text_files_say(tmp_path):
    """Does packing keep every frame, in order, with all its decimals, and number speakers from 0?"""
    text = "#a comment\n@data\n1.5,2.5,0.000001:-1.860936,4,5:2\n7:8:9\n"
    (tmp_path / "train.ts").write_text(text)
    (tmp_path / "test.ts").write_text("@data\n3,4:5,6:1\n")
    pack(tmp_path / "train.ts", tmp_path / "test.ts", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        assert file["lengths"].tolist() == [3, 1, 2] and file["speakers"].tolist() == [1, 8, 0]
        assert file["frames"].dtype == np.float32
        frames = [[1.5, -1.860936], [2.5, 4], [1e-6, 5], [7, 8], [3, 5], [4, 6]]
        np.testing.assert_allclose(file["frames"], frames, rtol=1e-7)
    assert [u.shape for u in read_ts(text)[0]] == [(3, 2), (1, 2)]


@pytest.mark.parametrize("name", "ieaou")
def test_a_vowel_has_its_formants(name):
    """Does linear prediction, the tool phoneticians use, find the three formants that went in, within 8 %?"""
    samples = data.vowel(name, rate=8000, pitch=100)
    emphasised = np.append(samples[0], samples[1:] - samples[:-1])
    windowed = emphasised * np.hamming(len(samples))
    lags = np.correlate(windowed, windowed, "full")[len(samples) - 1 :][:9]
    poles = np.roots(np.append(1, -scipy.linalg.solve_toeplitz(lags[:-1], lags[1:])))
    poles = poles[(poles.imag > 0) & (abs(poles) > 0.8)]
    found = np.sort(np.angle(poles)) * 8000 / 2 / np.pi
    for formant in sound.FORMANTS[name]:
        assert abs(found - formant).min() < 0.08 * formant, (formant, found)


def test_a_vowel_is_what_the_resonators_make_of_the_voice():
    """Are the samples those of SciPy's filters, run on the harmonics until they settle?"""
    rate, pitch = 8000, 100
    t = np.arange(2 * rate) / rate
    harmonics = np.arange(1, 41)
    voice = (np.cos(2 * np.pi * np.outer(t, harmonics * pitch)) / harmonics).sum(1)
    for formant, width in zip(sound.FORMANTS["a"], sound.BANDWIDTHS):
        pole = np.exp((-np.pi * width + 2j * np.pi * formant) / rate)
        back = np.poly([pole, pole.conj()]).real
        voice = scipy.signal.lfilter([back.sum()], back, voice)
    settled = voice[rate:] / abs(voice[rate:]).max()
    np.testing.assert_allclose(data.vowel("a", seconds=1, rate=rate, pitch=pitch), settled, atol=1e-6)


def test_a_vowel_repeats_with_its_pitch():
    """Does a vowel of 100 Hz at 8 kHz come again every 80 samples, between -1 and 1, in float32?"""
    samples = data.vowel("u", seconds=0.1, rate=8000, pitch=100)
    assert samples.shape == (800,) and samples.dtype == np.float32 and abs(samples).max() == 1
    np.testing.assert_allclose(samples[80:], samples[:-80], atol=1e-5)


# ---- tagged text


def roles_by_parso(text):
    """[(name, tag), ...] of a source text in order, from another parser."""
    found, leaf = [], parso.parse(text).get_first_leaf()
    while leaf is not None:
        if leaf.type == "name":
            found.append((leaf.value, _role(leaf)))
        leaf = leaf.get_next_leaf()
    return found


def _role(name):
    parent, before = name.parent, name.get_previous_leaf()
    imported = name.search_ancestor("import_name", "import_from")
    if imported:
        return "store" if name in imported.get_defined_names() else "other"
    if parent.type in ("trailer", "dotted_name") and before == ".":
        return "attribute"
    if parent.type == "argument" and parent.children[0] is name and parent.children[1] == "=":
        return "keyword"
    if parent.type == "param" and parent.name is name:
        return "parameter"
    if parent.type in ("global_stmt", "nonlocal_stmt"):
        return "other"
    return "store" if name.is_definition() else "load"


MODULES = ["base64", "calendar", "csv", "gettext", "pickletools", "textwrap", "types", "weakref"]


@pytest.mark.parametrize("module", MODULES)
def test_roles_are_those_of_another_parser(module):
    """Does parso, which reads Python without `ast`, give every name the same role?"""
    text = source._source(module)
    if re.search(r"\bf['\"]", text) or not text.isascii():
        pytest.skip(f"{module} has f-strings or accents in this Python, so some of its lines are left out")
    theirs = roles_by_parso(text)
    names = {name for name, _ in theirs}
    assert [pair for line in source._lines(text) for pair in line if pair[0] in names] == theirs


def test_lines_with_f_strings_or_accents_are_left_out():
    """Are such lines dropped whole, and the next line kept whole?"""
    text = "a = f'{b}'\nc = 1\nd = Rf'x'\né = 2\ng = 'f'\nh = rb'f'\n"
    assert [line[0][0] for line in source._lines(text)] == ["c", "g", "h"]


def test_every_way_to_bind_a_name_is_a_store():
    """Are def, class, import, as, for, with, walrus and del all stores, and a star import none?"""
    text = (
        "import os.path\nimport a.b as c\nfrom m import d as e, g\nfrom n import *\ndef f(x, *y, z=1, **w): pass\n"
        "class K(J, metaclass=M): pass\nfor i in j: pass\nwith o as p: pass\ntry: pass\nexcept E as q: pass\n"
        "del r\n(s := t)\nu.v = k.l\nfun(n1=n2)\nwith o as (a1, a2), o as u.v: pass\n"
    )
    roles = {word: tag for line in source._lines(text) for word, tag in line}
    names = {tag: {w for w, t in roles.items() if t == tag} for tag in source.NAMES}
    assert names["store"] == {"os", "c", "e", "g", "f", "K", "i", "p", "q", "r", "s", "a1", "a2"}
    assert names["parameter"] == {"x", "y", "z", "w"} and names["keyword"] == {"metaclass", "n1"}
    assert names["attribute"] == {"v", "l"} and names["load"] >= {"J", "M", "j", "o", "E", "t", "u", "k", "fun", "n2"}


def test_python_names_need_their_neighbours():
    """Does a third of the names' words come with several roles, so that knowing the word alone is not enough?"""
    text = data.python_names()
    assert text.tokens.shape == text.tags.shape == text.mask.shape and text.tokens.shape[1] <= 24
    assert len(text.tokens) > 1500 and len(text.words) == 1002 and text.names == source.NAMES
    counts = np.zeros((len(text.words), len(text.names)))
    np.add.at(counts, (text.tokens[text.mask], text.tags[text.mask]), 1)
    assert (counts.sum(0) > 50).all()
    several = (counts > 0).sum(1) > 1
    assert counts[several].sum() > 0.25 * counts.sum()
    assert counts[several].max(1).sum() < 0.75 * counts[several].sum()
    assert len({tuple(row) for row in text.tokens}) > 0.97 * len(text.tokens)


@pytest.mark.parametrize("distance", [1, 2, 4])
def test_the_evidence_is_just_so_far_away(distance):
    """Does a window one word too narrow tag half of the ambiguous words right, and one that reaches, all?"""
    text = data.sentences(1500, distance, seed=1)
    padded = np.pad(text.tokens, ((0, 0), (distance, distance)))
    at = np.argwhere(text.ambiguous())
    labels = text.tags[tuple(at.T)]
    assert len(at) == 3000 and abs(labels.mean() - 3.5) < 0.05

    def accuracy(reach):
        windows = np.array([padded[s, t + distance - reach : t + distance + reach + 1] for s, t in at])
        features = OneHotEncoder().fit_transform(windows)
        return LogisticRegression(C=1).fit(features[:2000], labels[:2000]).score(features[2000:], labels[2000:])

    assert abs(accuracy(distance - 1) - 0.5) < 0.06
    assert accuracy(distance) == 1


def test_a_sentence_is_its_phrases():
    """With distances 1 and 3 and three phrases, is every word in question that far from its evidence?"""
    text = data.sentences(200, (1, 3), phrases=3, seed=2)
    lengths = set()
    for s in range(200):
        words, tags = zip(*text.sentence(s))
        starts = [t for t, tag in enumerate(tags) if tag in ("pronoun", "determiner")]
        ends = [t for t, tag in enumerate(tags) if tag in ("verb", "noun")]
        lengths |= {end - start for start, end in zip(starts, ends, strict=True)}
        assert all((tags[a] == "pronoun") == (tags[b] == "verb") for a, b in zip(starts, ends))
        assert len(words) == text.mask[s].sum()
    assert lengths == {1, 3}


def test_the_seed_decides():
    """Do equal seeds give equal sentences, and others others?"""
    draw = [data.sentences(50, seed=seed) for seed in (4, 4, 5)]
    np.testing.assert_array_equal(draw[0].tokens, draw[1].tokens)
    assert draw[0].sentence(0) != draw[2].sentence(0) or draw[0].sentence(1) != draw[2].sentence(1)


def test_packing_numbers_words_by_frequency():
    """Is the most frequent word number 1, padding 0, and what is beyond the vocabulary <rare>?"""
    text = pack_tagged([[("a", "x")], [("b", "y"), ("b", "x"), ("c", "y")]], ("y", "x"), vocabulary=2)
    assert text.words == ("", "b", "a", "<rare>") and text.tokens.tolist() == [[2, 0, 0], [1, 1, 3]]
    assert text.tags.tolist() == [[1, 0, 0], [0, 1, 0]] and text.mask.tolist() == [[True, False, False], [True] * 3]
    assert text.ambiguous().tolist() == [[False] * 3, [True, True, False]]
    assert text.sentence(1) == [("b", "y"), ("b", "x"), ("<rare>", "y")]


# ---- pictures and graphs


def test_digits_are_scikit_learns():
    """Are the digits, read from the file, those that scikit-learn's loader gives?"""
    images, labels = data.digits()
    theirs = load_digits()
    np.testing.assert_array_equal(images * 16, theirs.images)
    np.testing.assert_array_equal(labels, theirs.target)
    assert images.dtype == np.float32 and labels.dtype == np.int64 and images.max() == 1


def test_photographs_are_scikit_learns():
    """Are the photographs those that scikit-learn's loader gives, in its order?"""
    images, names = data.photographs()
    theirs = load_sample_images()
    np.testing.assert_allclose(images * 255, theirs.images, atol=1e-4)
    assert [Path(name).stem for name in theirs.filenames] == list(names) and images.dtype == np.float32


def test_karate_club_is_zacharys():
    """Are the friendships NetworkX's, and do the leaders have the 16 and 17 friends of the paper?"""
    edges, groups = data.karate_club()
    pairs = {tuple(sorted(pair)) for pair in np.argwhere(edges).tolist()}
    assert pairs == {tuple(sorted(pair)) for pair in networkx.karate_club_graph().edges} and len(pairs) == 78
    assert edges.dtype == bool and (edges == edges.T).all() and not edges.diagonal().any()
    assert edges[0].sum() == 16 and edges[33].sum() == 17 and groups[0] == 0 and groups[33] == 1
    parts = [set(np.flatnonzero(groups == g)) for g in (0, 1)]
    assert networkx.community.modularity(networkx.karate_club_graph(), parts) > 0.35


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: data.japanese_vowels("valid"), ValueError, "split is 'valid'; it can be 'train', 'test' or 'all'"),
        (lambda: data.vowel("y"), ValueError, "name is 'y'; it can be 'i', 'e', 'a', 'o', 'u'"),
        (lambda: data.vowel("i", rate=6000), ValueError, "rate=6000.* above twice the third formant, 6020"),
        (lambda: data.vowel(seconds=0), ValueError, "seconds=0, .* must be positive"),
        (lambda: data.vowel(seconds=1e-9), ValueError, "seconds=1e-09, .* must be positive"),
        (lambda: data.vowel(pitch=float("nan")), ValueError, "vowel: pitch must be a finite number. Got nan"),
        (lambda: data.vowel(rate="16000"), TypeError, "vowel: rate must be a finite number. Got '16000'"),
        (lambda: data.vowel(["a"]), ValueError, r"vowel: name is \['a'\]"),
        (lambda: data.japanese_vowels(["train"]), ValueError, r"japanese_vowels: split is \['train'\]"),
        (lambda: data.sentences(distance=0), ValueError,
         "sentences: distance must be a whole number, 1 or more. Got distance=0"),
        (lambda: data.sentences(distance=(1, 0)), ValueError, "Got distance=0"),
        (lambda: data.sentences(distance=1.5), TypeError, "distance must be a whole number, 1 or more. Got 1.5"),
        (lambda: data.sentences(distance=[]), TypeError, "sentences: distance must be a whole number"),
        (lambda: data.sentences(3.0), TypeError, "sentences: count must be a whole number, 1 or more. Got 3.0"),
        (lambda: data.sentences(3, phrases=True), TypeError, "sentences: phrases must be a whole number"),
        (lambda: data.sentences(3, seed=-1), ValueError, "sentences: seed must be a whole number, 0 or more"),
        (lambda: data.sentences(3).sentence(3), IndexError, r"Tagged.sentence: sentence 3 is outside 0\.\.2"),
        (lambda: data.sentences(3).sentence(1.0), TypeError, "Tagged.sentence: s must be a whole number"),
        (lambda: data.python_names("heapq"), TypeError, "modules must be names .* in a list. Got 'heapq'"),
        (lambda: data.python_names(["heapq.no"]), ValueError, "python_names: .* no source for the module 'heapq.no'"),
        (lambda: data.python_names([""]), ValueError, "python_names: .* no source for the module ''"),
        (lambda: data.python_names([3]), ValueError, "python_names: .* no source for the module 3"),
        (lambda: data.python_names(["heapq"], longest=4.5), TypeError, "python_names: longest must be a whole number"),
        (lambda: data.python_names(["sys"]), ValueError, "no source for the module 'sys'"),
        (lambda: data.python_names(["no_such_module"]), ValueError, "no source for the module 'no_such_module'"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name what it received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    "loader, module, message",
    [
        ("karate_club", "networkx", "inside NetworkX, which is not installed. Run: pip install networkx"),
        ("photographs", "PIL", "needs Pillow, which is not installed. Run: pip install pillow"),
    ],
)
def test_a_missing_package_is_named(loader, module, message, monkeypatch):
    """Without the package that carries a set, does the error say what to install?"""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=message):
        getattr(data, loader)()


@pytest.mark.parametrize("loader", ["digits", "photographs"])
def test_missing_scikit_learn_is_named(loader, monkeypatch):
    """Without scikit-learn, or without the file in it, does the error say what to install?"""
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=f"{loader}: .* Run: pip install scikit-learn"):
        getattr(data, loader)()


def test_scikit_learn_without_its_files_is_named(monkeypatch, tmp_path):
    """When scikit-learn is there but its file is not, is the file named?"""
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(pictures, "find_spec", lambda _: spec)
    with pytest.raises(FileNotFoundError, match="digits: this scikit-learn has no .*digits.csv.gz; version 1.9 has it"):
        data.digits()
