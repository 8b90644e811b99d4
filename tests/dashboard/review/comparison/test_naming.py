"""Every experiment has a label that no other has."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.review.comparison.naming import Named, labels

IDS = [f"{number:032x}" for number in range(10)]


def _named(*several: tuple[str, dict[str, object]]) -> list[Named]:
    return [Named(name, settings, each) for each, (name, settings) in zip(IDS, several, strict=False)]


def test_name_is_enough_where_no_other_has_it() -> None:
    assert labels(_named(("a", {"seed": 0}), ("b", {"seed": 1}))) == ["a", "b"]


def test_equal_names_are_told_apart_by_what_differs() -> None:
    named = _named(("a", {"lam": 0.1, "seed": 0}), ("a", {"lam": 1.0, "seed": 0}), ("b", {"lam": 5.0}))
    assert labels(named) == ["a (lam 0.1)", "a (lam 1)", "b"]


def test_equal_names_with_equal_settings_are_told_apart_by_their_ids() -> None:
    assert labels(_named(("a", {"seed": 0}), ("a", {"seed": 0}))) == ["a (000000)", "a (000001)"]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.dictionaries(st.sampled_from("xyz"), st.integers(0, 1))),
        max_size=10,
    )
)
def test_no_two_labels_are_alike(several: list[tuple[str, dict[str, object]]]) -> None:
    found = labels(_named(*several))
    assert len(set(found)) == len(several)
    assert all(label.startswith(name) for label, (name, _) in zip(found, several, strict=True))


def test_a_name_that_looks_like_a_label_is_no_confusion() -> None:
    named = _named(("a", {"lam": 1}), ("a", {"lam": 2}), ("a (lam 1)", {"lam": 3}))
    assert len(set(labels(named))) == 3
