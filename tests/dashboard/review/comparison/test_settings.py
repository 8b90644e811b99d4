"""Only settings that differ are listed, and all of them."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.review.comparison.settings import differing, numeric, settings, shown

CONFIGS = st.lists(
    st.dictionaries(
        st.sampled_from("abcde"), st.none() | st.integers(0, 2) | st.sampled_from("xy"), max_size=5
    ),
    min_size=1,
    max_size=4,
)


@given(CONFIGS)
def test_exactly_what_differs_is_listed(configs: list[dict[str, object]]) -> None:
    listed = differing([settings(config) for config in configs])
    for name in "abcde":
        values = {config.get(name) for config in configs}
        assert (name in listed) is (len(values) > 1)
    assert len(listed) == len(set(listed))


@given(CONFIGS)
def test_one_experiment_differs_in_nothing_from_itself(configs: list[dict[str, object]]) -> None:
    assert differing([settings(configs[0])] * 3) == []


def test_name_is_no_setting_and_nested_settings_are_named_by_their_group() -> None:
    config = {"name": "x", "lam": 1, "inner_lr": 0.1, "head": {"kind": "plain", "scale": {"learned": True}}}
    assert settings(config) == {
        "λ": 1,
        "inner rate": 0.1,
        "head kind": "plain",
        "head scale learned": True,
    }


def test_only_numbers_that_somebody_chooses_are_numeric() -> None:
    several = [
        {
            "lam": 0.1,
            "inner steps": 5,
            "seed": 0,
            "compile": True,
            "max ways": None,
            "head": "plain",
            "same": 1,
        },
        {
            "lam": 1.0,
            "inner steps": 10,
            "seed": 1,
            "compile": False,
            "max ways": 20,
            "head": "masked",
            "same": 1,
        },
    ]
    assert numeric(several) == ["lam", "inner steps"]


def test_values_are_shown_as_on_the_page_of_an_experiment() -> None:
    assert [shown(value) for value in (None, True, 0.001, "cg", 5)] == ["–", "yes", "0.001", "cg", "5"]
