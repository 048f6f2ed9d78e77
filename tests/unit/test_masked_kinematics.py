"""Masked kinematics: bins, the phi symmetry, charges, what is hidden, and losses with known values."""

import math

import numpy as np
import pytest
import torch
from event_examples import DEFAULT, MUONS, dense_of, loss_in_parts, make_data, make_data_from
from torch import Tensor

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.objectives.masked_kinematics import MaskedKinematics, inner_edges, phi_difference

MODEL = ModelSettings(width=16, layers=1, heads=2, feedforward=32)


def build(features: tuple[str, ...] = MUONS, bins: int = 8, loss_on: str = "masked") -> MaskedKinematics:
    torch.manual_seed(0)
    settings = ObjectiveSettings.model_validate(
        {"name": "masked_kinematics", "mask_rate": 0.3, "bins": bins, "loss_on": loss_on}
    )
    return MaskedKinematics.build(settings, MODEL, make_data(features=features).info)


def corrupted(objective: MaskedKinematics, seed: int = 0, events: int = 100) -> dict[str, Tensor]:
    batch = make_data(features=MUONS).batch(np.arange(events))
    return objective.corrupt(batch, torch.Generator().manual_seed(seed))


def test_inner_edges_are_quantiles_for_any_number_of_bins() -> None:
    quantiles = np.linspace(0, 240, 241).tolist()
    assert inner_edges(quantiles, 4).tolist() == [60, 120, 180]
    assert inner_edges(quantiles, 7).tolist() == pytest.approx([240 / 7 * k for k in range(1, 7)], rel=1e-5)


def test_pt_bins_are_equally_filled() -> None:
    data = make_data(3000)
    edges = inner_edges(data.info["quantiles"]["pt"], 8)
    pt = torch.from_numpy(dense_of(data, "kinematics")[..., 0][dense_of(data, "types") > 0])
    counts = torch.bincount(torch.bucketize(pt, edges, right=True), minlength=8)
    assert (counts / len(pt) - 1 / 8).abs().max() < 0.01


def test_targets_of_a_known_event() -> None:
    kinematics = np.zeros((2, 4, 5), np.float32)
    kinematics[0, 0] = [50, -1.0, 3.0, 0, -1]
    kinematics[0, 1] = [80, 0.0, 1.0, 0, 0]
    kinematics[0, 2] = [60, 0.5, -3.0, 0, 0]
    batch = make_data_from(kinematics, np.array([[1, 4, 2, 0], [1, 4, 2, 2]], np.int8), MUONS).batch(np.arange(2))
    # the second event is there for the padding of the first
    batch = {name: values[:1] for name, values in batch.items()}
    batch["masked"] = torch.tensor([[True, False, False, False]])
    objective = build(bins=4)
    objective.pt_edges = torch.tensor([55.0, 65.0, 75.0])
    objective.eta_edges = torch.tensor([-1.0, 0.0, 1.0])
    targets = objective.targets(batch)
    assert targets["pt"].tolist() == [[0, 3, 1, -1]]
    assert targets["eta"].tolist() == [[1, -1, 2, -1]]
    assert targets["charge"].tolist() == [[0, -1, -1, -1]]
    # relative to the leading visible object at phi = 1: 2, 0 and 2 pi - 4; bin 1 is pi/4 to 3 pi/4
    assert targets["phi"].tolist() == [[1, 0, 1, -1]]


def test_phi_is_relative_to_the_leading_visible_object() -> None:
    kinematics = torch.zeros(1, 3, 5)
    kinematics[0, :, 0] = torch.tensor([90.0, 50.0, 10.0])
    kinematics[0, :, 2] = torch.tensor([0.5, 3.0, -3.0])
    visible = torch.tensor([[False, True, True]])
    expected = [[-2.5, 0.0, 2 * math.pi - 6.0]]
    assert phi_difference(kinematics, visible).tolist() == pytest.approx(np.array(expected), abs=1e-6)


def test_targets_do_not_change_when_the_event_is_rotated() -> None:
    objective = build()
    batch = corrupted(objective)
    turned = {**batch, "kinematics": batch["kinematics"].clone()}
    turned["kinematics"][..., 2] += 2 * math.pi / 3
    turned["kinematics"][..., 2] -= 2 * math.pi * (turned["kinematics"][..., 2] > math.pi)
    same = objective.targets(turned)["phi"] == objective.targets(batch)["phi"]
    assert same.all()


def test_phi_bins_are_centred_on_beside_and_back_to_back() -> None:
    kinematics = np.zeros((1, 6, 5), np.float32)
    kinematics[0, :, 0] = 10
    kinematics[0, 0, 0] = 99
    kinematics[0, :, 2] = np.array([0, 0.01, -0.01, np.pi - 0.01, 0.01 - np.pi, np.pi / 2])
    batch = make_data_from(kinematics, np.int8([[1, 4, 2, 2, 3, 3]]), MUONS).batch(np.array([0]))
    batch["masked"] = torch.zeros(1, 6, dtype=torch.bool)
    assert build(bins=8).targets(batch)["phi"].tolist() == [[0, 0, 0, 4, 4, 2]]


def test_mass_is_neither_input_nor_target() -> None:
    objective = build()
    batch = corrupted(objective)
    other = {**batch, "kinematics": batch["kinematics"].clone()}
    other["kinematics"][..., 3] = 91.2
    for name, target in objective.targets(batch).items():
        assert torch.equal(objective.targets(other)[name], target)
    assert objective(other)["loss"].item() == objective(batch)["loss"].item()


def test_prediction_of_hidden_objects_does_not_see_them() -> None:
    objective = build()
    batch = corrupted(objective)
    masked = batch["masked"]
    other = {**batch, "features": batch["features"].clone()}
    other["features"][..., :5] += 5.0 * masked[..., None]
    for name, logits in objective.logits(batch).items():
        assert torch.equal(objective.logits(other)[name], logits)
        assert not torch.equal(objective.logits(other, visible=True)[name], objective.logits(batch, visible=True)[name])


def test_hidden_objects_keep_their_type() -> None:
    objective = build()
    batch = corrupted(objective)
    other = {**batch, "features": batch["features"].clone()}
    other["features"][..., 5:] = other["features"][..., 5:].flip(-1)
    assert not torch.equal(objective.logits(other)["pt"], objective.logits(batch)["pt"])


def test_uniform_logits_give_the_sum_of_logs() -> None:
    objective = build(bins=8)
    for head in objective.heads.values():
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    batch = corrupted(objective)
    lepton = batch["types"] == 1
    jet = (batch["types"] == 2) | (batch["types"] == 3)
    n_pt, n_eta = batch["masked"].sum(), (batch["masked"] & (lepton | jet)).sum()
    n_charge = (batch["masked"] & lepton).sum()
    expected = (2 * n_pt + n_eta) / n_pt * math.log(8) + n_charge / n_pt * math.log(2)
    assert objective(batch)["loss_masked"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_loss_on_all_counts_every_object_that_has_company() -> None:
    objective = build(loss_on="all")
    batch = corrupted(objective)
    real = batch["types"] > 0
    losses = objective(batch)
    assert losses["loss"].item() == losses["loss_all"].item() != losses["loss_masked"].item()
    assert losses["n_all"].item() == real[real.sum(dim=1) > 1].sum().item()
    assert losses["n_masked"].item() == batch["masked"].sum().item()


def test_events_of_one_object_do_not_count() -> None:
    objective = build()
    data = make_data(features=MUONS)
    lone = np.int8([[1, 0, 0, 0, 0, 0]] * len(data))
    batch = make_data_from(dense_of(data, "kinematics"), lone, MUONS).batch(np.arange(10))
    losses = objective(objective.corrupt(batch, torch.Generator().manual_seed(0)))
    assert {name: value.item() for name, value in losses.items()} == {
        "loss": 0,
        "loss_masked": 0,
        "loss_all": 0,
        "n_masked": 0,
        "n_all": 0,
    }
    losses["loss"].backward()


def test_charge_is_a_target_only_where_it_is_a_feature() -> None:
    assert set(build(MUONS).heads) == {"pt", "eta", "phi", "charge"}
    assert set(build(DEFAULT).heads) == {"pt", "eta", "phi"}
    assert set(build(DEFAULT).predict(corrupted(build(DEFAULT)))) == {"pt", "eta", "phi"}


def test_opposite_charge_is_learned() -> None:
    rng = np.random.default_rng(0)
    kinematics = rng.uniform(10, 50, (200, 2, 5)).astype(np.float32)
    kinematics[:, 0, 4] = rng.choice([-1, 1], 200)
    kinematics[:, 1, 4] = -kinematics[:, 0, 4]
    data = make_data_from(kinematics, np.ones((200, 2), np.int8), MUONS)
    objective = build()
    optimiser = torch.optim.AdamW(objective.parameters(), 1e-2)
    for step in range(60):
        batch = objective.corrupt(data.batch(np.arange(200)), torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        objective(batch)["loss"].backward()
        optimiser.step()
    batch = objective.corrupt(data.batch(np.arange(200)), torch.Generator().manual_seed(99))
    charge = objective.predict(batch)["charge"]
    assert (charge.predicted == charge.target)[batch["masked"]].float().mean() > 0.95


@pytest.mark.parametrize("loss_on", ["masked", "all"])
def test_parts_and_static_shapes_change_no_loss(loss_on: str) -> None:
    objective = build(loss_on=loss_on)
    batch = corrupted(objective)
    whole = objective(batch)["loss"].item()
    number = "n_masked" if loss_on == "masked" else "n_all"
    assert objective.terms(batch) == objective(batch)[number].item()
    assert loss_in_parts(objective, batch) == pytest.approx(whole, rel=1e-5)
    static = objective.static(batch, length=9, budget=0)
    assert static["features"].shape[1] == static["masked"].shape[1] == 9
    assert objective(static)["loss"].item() == pytest.approx(whole, rel=1e-5)
