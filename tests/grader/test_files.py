"""The files beside a notebook: kept once, found under the name a notebook opens, and never other than they were."""

import pickle
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.files import FilesChanged, KeptFiles, keep
from grader.grade_notebook import grade
from grader.job import make_job
from grader.sandbox.host import _lay_out
from tests.grader.sample_class import STEM, release


def kept(folder, files):
    """The KeptFiles of {path: content}, kept in `folder`."""
    return KeptFiles(folder, {path: keep([content], folder / path) for path, content in files.items()})


def test_they_are_what_they_were(tmp_path):
    """Is a file that was changed or removed after it was read noticed, by a worker too?"""
    files = pickle.loads(pickle.dumps(kept(tmp_path, {"a.csv": b"1", "d/b.csv": b"2"})))
    assert files == {"a.csv": b"1", "d/b.csv": b"2"}
    (tmp_path / "a.csv").write_bytes(b"2")
    with pytest.raises(FilesChanged, match="a.csv changed"):
        files["a.csv"]
    (tmp_path / "d/b.csv").unlink()
    with pytest.raises(FilesChanged, match="b.csv cannot be read any more"):
        files["d/b.csv"]


def test_a_job_waits_for_the_same_files(tmp_path):
    """Does a job hold no file's content, and is its key that of the content, wherever it lies?"""
    jobs = [make_job(STEM, release(), kept(tmp_path / name, {"a.bin": content}), bytes(32))
            for name, content in (("x", bytes(5_000_000)), ("y", bytes(5_000_000)), ("z", b"1"))]
    assert len(pickle.dumps(jobs[0])) < 100_000
    assert jobs[0].key == jobs[1].key != jobs[2].key


def test_a_file_that_changes_before_the_run(tmp_path):
    """When a file changes between reading and running: is nothing scored, so that grading again can make it good?"""
    job = make_job(STEM, release(), kept(tmp_path, {"a.csv": b"1"}), bytes(32))
    (tmp_path / "a.csv").write_bytes(b"2")
    with pytest.raises(FilesChanged, match="a.csv changed after it was read"):
        grade(job)


def test_all_or_nothing(tmp_path):
    """Is nothing left of a file that could not be copied whole?"""
    def broken():
        yield b"1"
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        keep(broken(), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_in_the_other_spelling(tmp_path, form):
    """Is a file found by its name with accents spelled either way, as on a Mac?"""
    files = kept(tmp_path, {unicodedata.normalize(form, "größe/Übung.csv"): b"1", "x.csv": b"2"})
    assert {unicodedata.normalize("NFC", path) for path in files} == {"größe/Übung.csv", "x.csv"}
    assert files[unicodedata.normalize("NFC", "größe/Übung.csv")] == b"1"
    assert files[unicodedata.normalize("NFD", "größe/Übung.csv")] == b"1"
    assert len(files) == 3


def test_both_spellings_are_there(tmp_path):
    """Where there is a file of either spelling: does each keep its own content?"""
    files = {unicodedata.normalize(form, "ü.csv"): form.encode() for form in ("NFC", "NFD")}
    assert kept(tmp_path, files) == files


SPELLINGS = ["ü", "u\u0308", "Å", "A\u030a", "\u212b", "a", "é" * 100, "e\u0301" * 80]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=3).map("/".join),
                       st.binary(max_size=2), max_size=5))
def test_any_names_can_be_laid_out(tmp_path_factory, files):
    """Whatever lies beside a notebook: can it be laid out for a run, each file under its very name?"""
    folder = tmp_path_factory.mktemp("files")
    files = {path: content for path, content in files.items()
             if not any(other.startswith(f"{path}/") for other in files)}
    (folder / "view").mkdir()
    (folder / "run").mkdir()
    laid_out = _lay_out(folder / "run", {}, kept(folder / "kept", files), folder / "view") / "files"
    for path, content in files.items():
        assert (laid_out / path).read_bytes() == content
