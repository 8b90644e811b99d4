"""The settings of a run: what follows from what, and what is refused in words."""

import pytest
from pydantic import ValidationError

from imaml.training.config import TrainingConfig


def config(**settings: object) -> TrainingConfig:
    return TrainingConfig.model_validate({"name": "a", **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"data": "images.zip"},
        {"algorithm": "maml"},
        {"algorithm": "fomaml", "gradient_dropout": 0.1},
        {"algorithm": "reptile", "head": "plain"},
        {"algorithm": "prototypical"},
        {"inner_solver": "hessian_free", "learn_lam": "layers"},
        {"inner_solver": "accelerated", "minimal_export": True},
        {"dataset": "sinusoid", "algorithm": "maml"},
        {"dataset": "table", "data": "vectors.csv"},
        {"dataset": "folder", "data": "photos", "network": "resnet12", "augment": True},
        {"max_ways": 20, "max_shots": 10, "head": "masked"},
    ],
)
def test_what_is_stored_gives_the_same_settings_again(settings: dict[str, object]) -> None:
    made = config(**settings)
    assert TrainingConfig.model_validate(made.model_dump(mode="json")) == made


def test_what_follows_from_the_data_and_the_method_need_not_be_said() -> None:
    assert config(data="images.zip").dataset == "omniglot"
    assert config(dataset="table", data="vectors.npz").network == "mlp"
    assert config(dataset="folder", data="photos").network == "conv4_pool"
    assert (config(dataset="sinusoid").ways, config(dataset="sinusoid").head) == (1, "plain")
    assert config(inner_solver="hessian_free").recipe.solver == "newton_cg"
    assert config(algorithm="prototypical").recipe.max_steps == 0
    assert config(algorithm="maml").recipe.lam == 0
    assert config().recipe.lam == 0.1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lam": 0}, "--lam is 0.0; the proximal strength must be above 0"),
        ({"lam": -1}, "--lam is -1.0"),
        ({"inner_steps": 0}, "--inner-steps is 0; it must be 1 or more"),
        ({"algorithm": "maml", "inner_steps": 0}, "--inner-steps is 0"),
        ({"algorithm": "maml", "lam": 0.5}, "--lam 0.5 does not go with maml"),
        ({"algorithm": "maml", "learn_lam": "scalar"}, "--learn-lam does not go with maml"),
        ({"algorithm": "reptile", "inner_solver": "adam"}, "--inner-solver adam does not go with reptile"),
        ({"algorithm": "prototypical", "inner_steps": 3}, "--inner-steps does not go with prototypical"),
        ({"algorithm": "prototypical", "head": "plain"}, "--head plain has no prototypes"),
        ({"gradient_dropout": 0.2}, "--gradient-dropout does not go with the implicit gradient"),
        ({"ways": 1}, "--ways is 1; it must be 2 or more"),
        ({"ways": 10, "max_ways": 5}, "--max-ways is 5, less than --ways 10"),
        ({"shots": 5, "max_shots": 2}, "--max-shots is 2, less than --shots 5"),
        ({"head": "plain", "max_ways": 20}, "--head plain has room for --ways alone"),
        ({"dataset": "glyphs", "data": "here"}, "needs no --data; leave out here"),
        ({"dataset": "table", "network": "conv4"}, "--network conv4 does not take vectors"),
        ({"network": "mlp"}, "--network mlp does not take images"),
        ({"dataset": "sinusoid", "head": "prototype"}, "sinusoid is regression"),
        ({"augment": True}, "--augment is for photographs"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_words(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**settings)
    assert words in str(refused.value)
