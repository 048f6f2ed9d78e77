"""Pretrained models: round trip, equal bytes, what a file says about itself, and sentences that say what differs."""

import json
import pickle
import random
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file
from torch import nn

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings, PretrainSettings, TrainingSettings
from prehep.core.errors import FormatError
from prehep.hub.description import HEADER_KEY, LIBRARIES, Description
from prehep.hub.loading import load_pretrained
from prehep.hub.pretrained import load_weights, restore_pretrained
from prehep.hub.reading import describe, warn_of_versions
from prehep.hub.saving import PretrainedConfig, build_objective, save_pretrained, save_weights
from prehep.objectives.masked_kinematics import MaskedKinematics
from prehep.objectives.mdm import MaskedModules

CENTRES = [[0.0, 0.0, 0.0]] * 5 + [[30.0 + k, 5.0 * k, 10.0 * k] for k in range(6)]
INFO = {"vocabulary_size": 11, "length_max": 10, "centres": CENTRES, "layers": [0] * 5 + [1] * 6}
TOKENIZER = "ab" * 32
FILES = ("encoder.safetensors", "objective.safetensors", "config.json")


def config(width: int = 16, layers: int = 1, **changes: Any) -> PretrainedConfig:
    settings = PretrainSettings(
        objective=ObjectiveSettings(name="mdm", embedding="geometry"),
        model=ModelSettings(width=width, layers=layers, heads=2, feedforward=32),
    )
    fields = {"name": "tracks", "settings": settings, "info": INFO, "tokenizer": TOKENIZER}
    return PretrainedConfig(**fields | changes)


def write(folder: Path, of: PretrainedConfig | None = None) -> Path:
    """Write a pretrained model with random weights; return its folder."""
    of = of or config()
    torch.manual_seed(1)
    save_pretrained(folder, of, build_objective(of, MaskedModules))
    return folder


def rewrite_header(path: Path, **changes: Any) -> None:
    """Change fields of what a file of weights says about itself; without changes remove it."""
    described = json.loads(describe(path).header()[HEADER_KEY]) | changes
    header = {HEADER_KEY: json.dumps(described)} if changes else None
    path.write_bytes(safetensors.torch.save(load_file(path), header))


class Tied(nn.Module):
    """An embedding that is also the output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.output = nn.Linear(3, 4, bias=False)
        self.output.weight = self.embedding.weight


class Touch:
    """A pickle of this makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


# writing


def test_round_trip(tmp_path: Path) -> None:
    objective = build_objective(config(), MaskedModules)
    save_pretrained(tmp_path, config(), objective)
    loaded = load_pretrained(tmp_path)
    assert loaded.config == config()
    assert not loaded.objective.training
    for name, tensor in objective.state_dict().items():
        assert torch.equal(loaded.objective.state_dict()[name], tensor), name
    assert set(load_file(tmp_path / "encoder.safetensors")) == set(objective.encoder.state_dict())


def test_a_loaded_model_written_again_has_equal_bytes(tmp_path: Path) -> None:
    loaded = load_pretrained(write(tmp_path / "a"))
    save_pretrained(tmp_path / "b", loaded.config, loaded.objective)
    for file in FILES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    # several keys in the header would be in another order each time
    for number in range(10):
        write(tmp_path / str(number))
    for file in FILES:
        assert len({(tmp_path / str(number) / file).read_bytes() for number in range(10)}) == 1, file


def test_tied_weights_are_written_once_and_stay_tied(tmp_path: Path) -> None:
    first, second = Tied(), Tied()
    save_weights(first, tmp_path / "tied.safetensors", config().describe("encoder"))
    assert list(load_file(tmp_path / "tied.safetensors")) == ["embedding.weight"]
    load_weights(second, tmp_path / "tied.safetensors")
    assert torch.equal(second.output.weight, first.output.weight)
    assert second.output.weight is second.embedding.weight


# what a file says about itself


def test_a_file_alone_says_what_it_is(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "config.json").unlink()
    for part in ("encoder", "objective"):
        found = describe(tmp_path / f"{part}.safetensors")
        assert found.part == part
        assert found.settings == config().settings
        assert found.tokenizer == TOKENIZER
        assert set(found.versions) == set(LIBRARIES)
        assert found.versions["safetensors"] == safetensors.__version__
    line = str(found)
    assert line.startswith("objective of tracks, trained with mdm (width 16, layers 1, heads 2, feedforward 32, ")
    assert "on tokens of abababab, by prehep " in line
    assert "\n" not in line


def test_a_loaded_model_says_what_it_is(tmp_path: Path) -> None:
    loaded = load_pretrained(write(tmp_path))
    assert loaded.description == config().describe("objective")
    assert json.loads((tmp_path / "config.json").read_text())["tokenizer"] == TOKENIZER


def test_the_header_has_one_key_with_sorted_content() -> None:
    header = config().describe("encoder").header()
    assert list(header) == [HEADER_KEY]
    content = json.loads(header[HEADER_KEY])
    assert header[HEADER_KEY] == json.dumps(content, sort_keys=True)
    assert Description.model_validate(content) == config().describe("encoder")


def test_weights_without_a_description_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path) / "objective.safetensors"
    rewrite_header(path)
    with pytest.raises(FormatError, match=r"objective\.safetensors does not say what its weights are"):
        load_pretrained(tmp_path)


def test_a_description_of_another_version_is_refused_with_the_field(tmp_path: Path) -> None:
    path = write(tmp_path) / "encoder.safetensors"
    rewrite_header(path, flavour="sweet")
    with pytest.raises(FormatError, match=r"does not know \(flavour: Extra inputs are not permitted\)"):
        describe(path)


# what differs


def test_another_architecture_is_refused_with_what_differs(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(FormatError, match=r"has shape \(.*\), expected \(.*\)") as wider:
        load_weights(build_objective(config(width=8), MaskedModules), tmp_path / "objective.safetensors")
    assert "more; use the architecture" in str(wider.value)
    with pytest.raises(FormatError, match=r"blocks\.1\..* is missing"):
        load_weights(build_objective(config(layers=2), MaskedModules), tmp_path / "objective.safetensors")
    with pytest.raises(FormatError, match="is not part of the model"):
        load_weights(nn.Linear(2, 2), tmp_path / "objective.safetensors")


OTHER = PretrainSettings(objective=ObjectiveSettings(name="masked_type"), training=TrainingSettings(steps=7))


@pytest.mark.parametrize(
    ("other", "phrases"),
    [
        (config(name="muons"), ["name is muons, expected tracks"]),
        (config(tokenizer="cd" * 32), [f"tokenizer is {'cd' * 32}, expected {TOKENIZER}"]),
        (config(width=8), ["settings.model.width is 8, expected 16"]),
        (config(layers=3), ["settings.model.layers is 3, expected 1"]),
        (
            config(settings=config().settings.model_copy(update={"objective": OTHER.objective})),
            [
                "settings.objective.name is masked_type, expected mdm",
                "settings.objective.embedding is token, expected geometry",
            ],
        ),
        (
            config(settings=config().settings.model_copy(update={"training": OTHER.training})),
            ["settings.training.steps is 7, expected 2000"],
        ),
    ],
    ids=["name", "tokenizer", "width", "layers", "objective", "training"],
)
def test_weights_of_another_run_are_refused_with_what_differs(
    tmp_path: Path, other: PretrainedConfig, phrases: list[str]
) -> None:
    path = write(tmp_path) / "objective.safetensors"
    save_weights(build_objective(config(), MaskedModules), path, other.describe("objective"))
    with pytest.raises(FormatError, match=r"objective\.safetensors does not fit config\.json: ") as refused:
        load_pretrained(tmp_path)
    said = str(refused.value)
    found = said.removesuffix("; use the two files of one run.").split("config.json: ")[1].split("; ")
    assert sorted(found) == sorted(phrases)


def test_an_encoder_in_place_of_the_whole_is_recognised(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "encoder.safetensors").rename(tmp_path / "objective.safetensors")
    with pytest.raises(FormatError, match="part is encoder, expected objective"):
        load_pretrained(tmp_path)


def test_another_objective_than_the_configured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"was trained with mdm .* which MaskedKinematics needs"):
        restore_pretrained(write(tmp_path), MaskedKinematics)


@pytest.mark.parametrize(
    ("version", "warned"),
    [("{major}.{minor}.99", False), ("{major}.{minor}.99+rocm", False), ("{major}.99.0", True), ("99.{minor}.0", True)],
)
def test_other_minor_versions_give_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, version: str, warned: bool
) -> None:
    path = write(tmp_path) / "objective.safetensors"
    here = describe(path).versions
    major, minor, _ = here["torch"].split(".", 2)
    rewrite_header(path, versions=here | {"torch": version.format(major=major, minor=minor)})
    load_pretrained(tmp_path)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == warned
    for message in messages:
        assert f"(here {here['torch']})" in message
        assert "prehep" not in message.split("was written by")[1]


def test_a_library_that_is_absent_here_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    described = config().describe("encoder")
    newer = described.model_copy(update={"versions": described.versions | {"quarks": "1.0"}})
    warn_of_versions(tmp_path / "x.safetensors", newer)
    assert "quarks 1.0 (here absent)" in caplog.text


# files that are something else


def test_absent_and_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"config\.json is missing"):
        load_pretrained(tmp_path)
    weights = write(tmp_path) / "objective.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:100])
    with pytest.raises(FormatError, match=r"cannot be read as safetensors: it is truncated \(100 bytes, .* \d+\)"):
        load_pretrained(tmp_path)
    weights.write_bytes(content[:-4])
    with pytest.raises(FormatError, match=rf"it is damaged or another format \({len(content) - 4} bytes"):
        load_pretrained(tmp_path)
    weights.write_bytes(b"")
    with pytest.raises(FormatError, match="cannot be read as safetensors: it is empty"):
        load_pretrained(tmp_path)
    weights.unlink()
    for read in (describe, lambda path: load_weights(nn.Linear(2, 2), path)):
        with pytest.raises(FormatError, match=r"objective\.safetensors is missing"):
            read(weights)
    weights.mkdir()
    with pytest.raises(FormatError, match=r"objective\.safetensors is a folder"):
        load_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"name": "x"}')
    with pytest.raises(FormatError, match="settings: Field required"):
        load_pretrained(tmp_path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    made, path = tmp_path / "made", tmp_path / "encoder.safetensors"
    content = pickle.dumps(Touch(made), protocol)
    path.write_bytes(content)
    # protocols 0 and 1 are text without a mark of their own
    sentence = "is a pickle, which could run any code" if protocol > 1 else "cannot be read as safetensors"
    for read in (describe, lambda path: load_weights(nn.Linear(2, 2), path)):
        with pytest.raises(FormatError, match=sentence):
            read(path)
    assert not made.exists()
    pickle.loads(content)
    assert made.exists(), "the pickle does nothing when it is loaded, so that the test shows nothing"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_save_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    made, path = tmp_path / "made", write(tmp_path) / "objective.safetensors"
    torch.save({"weight": torch.ones(2), "other": Touch(made)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(FormatError, match="as torch.save writes" if zipped else "is a pickle"):
        load_pretrained(tmp_path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "an HDF5 file"),
        (random.Random(1).randbytes(200), "damaged or another format"),
    ],
    ids=["lfs", "html", "hdf5", "random"],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(FormatError, match=f"is {what}"):
        describe(tmp_path / "w.safetensors")


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path: Path) -> None:
    # 0x80, the first byte of a pickle, is also the first byte of a header of 128 bytes or 384 or …
    padding, path = "x", tmp_path / "w.safetensors"
    while True:
        content = safetensors.torch.save({"a": torch.ones(2)}, {"padding": padding})
        if struct.unpack("<Q", content[:8])[0] % 256 == 0x80:
            break
        padding += "x"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="does not say what its weights are"):
        describe(path)
    path.write_bytes(content[:50])
    with pytest.raises(FormatError, match="is truncated"):
        describe(path)
