"""Errors say what was wrong, what was given and what to do, and can be told apart and sent to other processes."""

from __future__ import annotations

import pickle

import pytest

import pellucid
from pellucid.core import errors
from pellucid.core.errors import PellucidError, nearest
from pellucid.core.extras import need

KINDS = {
    errors.ShapeError: ValueError,
    errors.DataError: ValueError,
    errors.TargetError: ValueError,
    errors.LayerError: ValueError,
    errors.ParameterError: ValueError,
    errors.CapabilityError: TypeError,
    errors.MissingDependency: ImportError,
    errors.FileError: OSError,
    errors.TrustError: PermissionError,
    errors.Unreliable: RuntimeError,
    errors.Cancelled: RuntimeError,
}
every = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)


def test_every_kind_is_listed_here_and_in_the_module():
    assert set(PellucidError.__subclasses__()) == set(KINDS)
    for kind in KINDS:
        assert f"|- {kind.__name__} " in (errors.__doc__ or "")


@every
def test_text_is_problem_given_and_remedy(kind):
    error = kind("Target 12 is outside.", got=12, fix="Choose 0..9.")
    assert str(error) == "Target 12 is outside. Got 12. Choose 0..9."
    assert (error.problem, error.got, error.fix) == ("Target 12 is outside.", 12, "Choose 0..9.")
    assert str(kind("Only this.")) == "Only this."
    assert str(kind("Nought.", got=0)) == "Nought. Got 0."


@every
def test_caught_as_ours_and_as_pythons(kind):
    assert issubclass(kind, KINDS[kind])
    with pytest.raises(pellucid.PellucidError):
        raise kind("No.")
    with pytest.raises(KINDS[kind]):
        raise kind("No.")


@every
def test_errors_travel_between_processes(kind):
    error = kind("Bad.", got="x", fix="Do.")
    error.add_note("pellucid: while ...")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error)
    assert (back.problem, back.got, back.fix) == ("Bad.", "x", "Do.")
    assert back.__notes__ == ["pellucid: while ..."]


def test_the_nearest_names_are_suggested():
    assert nearest("conv11", ["conv1", "fc", "relu"]) == "Did you mean 'conv1'?"
    assert nearest("conv", ["conv1", "conv2", "fc"]) in (
        "Did you mean 'conv1' or 'conv2'?",
        "Did you mean 'conv2' or 'conv1'?",
    )


def test_where_none_is_near_the_names_are_listed():
    assert nearest("zzz", ["a", "b"]) == "Choose one of a, b."
    assert (
        nearest("zzz", map(str, range(15)))
        == "Choose one of " + ", ".join(map(str, range(12))) + " and 3 more."
    )
    assert nearest("zzz", []) == ""


def test_a_missing_package_says_what_brings_it():
    with pytest.raises(errors.MissingDependency) as caught:
        need("no_such_package.part", what="The studio", extra="studio")
    assert str(caught.value) == "The studio needs no_such_package. Run: pip install 'pellucid[studio]'"


def test_a_package_that_fails_inside_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_inside.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match=r"not_there_at_all") as caught:
        need("broken_inside", what="It", extra="all")
    assert not isinstance(caught.value, errors.MissingDependency)


def test_warnings_are_a_kind_of_their_own():
    assert issubclass(pellucid.PellucidWarning, UserWarning)
