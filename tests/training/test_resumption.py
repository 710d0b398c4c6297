"""What a resumed run may change, and what makes it another run."""

from typing import Any

import pytest

from swinir.training.resumption import compare

BEFORE: dict[str, Any] = {
    "name": "a",
    "seed": 3,
    "network": {"scale": 2, "depths": [2]},
    "data": {"train": "photos", "validation": None, "patch": 8},
    "optim": {"iterations": 30, "batch_size": 2, "learning_rate": 1e-3},
}


def changed(table: str, key: str, value: object) -> dict[str, Any]:
    return {**BEFORE, table: {**BEFORE[table], key: value}}


def test_equal_recipes_have_no_changes() -> None:
    changes = compare(BEFORE, BEFORE)
    assert (changes.network, changes.fixed, changes.future) == ((), (), ())


@pytest.mark.parametrize(
    ("now", "kind", "text"),
    [
        (changed("network", "depths", [2, 2]), "network", "network.depths from [2] to [2, 2]"),
        (changed("data", "patch", 9), "fixed", "data.patch from 8 to 9"),
        (changed("optim", "batch_size", 4), "fixed", "optim.batch_size from 2 to 4"),
        ({**BEFORE, "seed": 4}, "fixed", "seed from 3 to 4"),
        (changed("optim", "iterations", 60), "future", "optim.iterations from 30 to 60"),
        (changed("optim", "learning_rate", 1), "future", "optim.learning_rate from 0.001 to 1"),
        (changed("data", "validation", "held out"), "future", "data.validation from None to held"),
    ],
)
def test_each_option_is_of_one_kind(now: dict[str, Any], kind: str, text: str) -> None:
    changes = compare(BEFORE, now)
    for each in ("network", "fixed", "future"):
        texts = getattr(changes, each)
        assert len(texts) == (each == kind)
        assert not texts or texts[0].startswith(text)


@pytest.mark.parametrize("now", [{**BEFORE, "name": "b"}, changed("data", "train", "elsewhere")])
def test_names_and_places_may_change_without_a_word(now: dict[str, Any]) -> None:
    assert compare(BEFORE, now) == compare(BEFORE, BEFORE)


def test_options_of_another_version_are_passed_over() -> None:
    newer = changed("optim", "loss", "l1")
    assert compare(BEFORE, newer) == compare(newer, BEFORE) == compare(BEFORE, BEFORE)
