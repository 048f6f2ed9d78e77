"""The phrases that say in which respects a pretrained model is not the expected one."""

from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from prehep.core.errors import FormatError
from prehep.hub.differences import DIFFERENCES_SHOWN, setting_differences, tensor_differences
from prehep.hub.pretrained import load_weights

NAMES = st.text("abc", min_size=1, max_size=2)
TENSORS = st.dictionaries(
    NAMES,
    st.builds(
        torch.zeros,
        st.sampled_from([(), (2,), (2, 3), (3, 2), (0,)]),
        dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.int64]),
    ),
    max_size=8,
)


def test_phrases_name_what_was_found_and_expected() -> None:
    expected = {"a": torch.ones(2), "b": torch.ones(2), "c": torch.ones(2)}
    found = {"a": torch.ones(2, 1), "b": torch.ones(2, dtype=torch.bfloat16), "d": torch.ones(2)}
    assert tensor_differences(expected, found) == [
        "a has shape (2, 1), expected (2,)",
        "b has type torch.bfloat16, expected torch.float32",
        "c is missing",
        "d is not part of the model",
    ]


@given(TENSORS, TENSORS)
def test_every_differing_tensor_has_one_phrase(
    expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]
) -> None:
    phrases = tensor_differences(expected, found)
    differing = {
        name
        for name in expected.keys() | found.keys()
        if name not in expected
        or name not in found
        or (expected[name].shape, expected[name].dtype) != (found[name].shape, found[name].dtype)
    }
    assert sorted(phrase.split()[0] for phrase in phrases) == sorted(differing)
    assert tensor_differences(expected, expected) == []
    # the other way round the same tensors differ
    assert sorted(phrase.split()[0] for phrase in tensor_differences(found, expected)) == sorted(differing)


@given(TENSORS, TENSORS)
def test_loading_says_all_or_the_first_differences(
    tmp_path_factory: pytest.TempPathFactory, expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]
) -> None:
    module = nn.Module()
    for name, tensor in expected.items():
        module.register_buffer(f"t_{name}", tensor)
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    path.write_bytes(safetensors.torch.save({f"t_{name}": tensor for name, tensor in found.items()}))
    number = len(tensor_differences(expected, found))
    if not number:
        load_weights(module, path)
        return
    with pytest.raises(FormatError) as refused:
        load_weights(module, path)
    said = str(refused.value).removesuffix("; use the architecture it was trained with.")
    assert said.count("; ") == min(number - 1, DIFFERENCES_SHOWN)
    assert said.endswith(f"; and {number - DIFFERENCES_SHOWN} more") == (number > DIFFERENCES_SHOWN)


VALUES = st.recursive(st.integers(0, 2) | st.text(max_size=2), lambda inner: st.dictionaries(NAMES, inner, max_size=3))
SETTINGS = st.dictionaries(NAMES, VALUES, max_size=5)


def leaves(values: dict[str, Any], section: str = "") -> dict[str, Any]:
    """Return every value with its full name; an empty section is a value."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, dict) and value
        flat |= leaves(value, f"{section}{name}.") if nested else {f"{section}{name}": value}
    return flat


@given(SETTINGS, SETTINGS)
def test_settings_differ_where_their_values_do(expected: dict[str, Any], found: dict[str, Any]) -> None:
    phrases = setting_differences(expected, found)
    assert (not phrases) == (expected == found)
    one, other = leaves(expected), leaves(found)
    differing = {name for name in one.keys() | other.keys() if one.get(name, None) != other.get(name, None)}
    named = [phrase.split(" is ")[0] for phrase in phrases]
    assert len(set(named)) == len(named)
    # a section that only one of them has is named once, instead of its settings
    for name in differing:
        assert any(name == title or name.startswith(f"{title}.") or title.startswith(f"{name}.") for title in named)


def test_a_setting_that_only_one_side_has_is_named() -> None:
    expected, found = {"model": {"width": 8, "norm": "pre"}}, {"model": {"width": 8, "bias": True}}
    assert setting_differences(expected, found) == [
        "model.bias is True, expected no such setting",
        "model.norm is missing, expected pre",
    ]
