"""Vetoes inside Pythia, before the costly steps, of events that could not pass the trigger and the preselection.

The thresholds lie below those of the detector, so that almost no event that would be accepted is lost
(`tests/unit/test_simulate_early_veto.py` measures it). Pythia takes vetoed events off its cross section.
"""

from typing import Any, NamedTuple

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.data.simulate.processes import ProcessDefinition

TAU, BOTTOM = 15, 5
CHARGED = (11, 13, 15)
HARD_LEPTON_SHARE = 0.6
"""Hard-process leptons may have this share of the trigger threshold, as recoil can raise their pt."""
SHOWERED_LEPTON_SHARE = 0.9
"""The same after the showers, where only the detector resolution is still to come."""
SHOWERED_TAU_SHARE = 1.2
"""Leptons take a share of the tau, so a tau that triggers is well above the threshold."""
PARTON_JET_PT_SHARE = 0.6
PARTON_JET_RADIUS = 0.4
ETA_MARGIN = 0.5
VETOES_MAX = 1_000_000


class Outgoing(NamedTuple):
    """An outgoing particle of the generator record: signed PDG code, pt in GeV, |eta|."""

    code: int
    pt: float
    eta: float


def early_veto(definition: ProcessDefinition, settings: SimulatedEvents, forced_side: int) -> Any:
    """Return a Pythia hook that vetoes events which cannot pass the trigger and the preselection.

    Args:
        definition: the process.
        settings: the dataset, with the thresholds of its detector and preselection.
        forced_side: sign of the bottom quark whose hadron is forced to decay to a lepton (`qcd_bb`).

    Returns:
        A `pythia8mc.UserHooks`; its `exhausted` is true once `VETOES_MAX` events in a row were vetoed, as Pythia
        itself would go on for ever.
    """
    import pythia8mc

    threshold, eta_max = settings.detector.lepton_pt_min, settings.detector.lepton_eta_max
    jets_min = settings.preselection.jets_min
    jet_pt_min = PARTON_JET_PT_SHARE * settings.preselection.jet_pt_min
    jets = pythia8mc.SlowJet(-1, PARTON_JET_RADIUS, jet_pt_min, settings.preselection.jet_eta_max + ETA_MARGIN)

    class EarlyVeto(pythia8mc.UserHooks):  # type: ignore[misc]
        """The hook; its method names are Pythia's."""

        def __init__(self) -> None:
            super().__init__()
            self.in_a_row = 0
            self.exhausted = False

        def canVetoProcessLevel(self) -> bool:  # noqa: N802
            return definition.leptons != "from_bottom"

        def canVetoPartonLevel(self) -> bool:  # noqa: N802
            return True

        def doVetoProcessLevel(self, event: Any) -> bool:  # noqa: N802
            return self._count(not accepts_hard_leptons(outgoing(event, CHARGED), definition, threshold, eta_max))

        def doVetoPartonLevel(self, event: Any) -> bool:  # noqa: N802
            if definition.leptons == "from_bottom":
                prompt = bottom_lepton_jets(outgoing(event, (BOTTOM,)), forced_side, threshold, eta_max)
            else:
                prompt = prompt_lepton_jets(outgoing(event, CHARGED), threshold, eta_max)
            if prompt and jets_min > 0:
                jets.analyze(event)
                return self._count(jets.sizeJet() < jets_min + prompt)
            return self._count(not prompt)

        def _count(self, veto: bool) -> bool:
            self.in_a_row = self.in_a_row + 1 if veto else 0
            self.exhausted = self.exhausted or self.in_a_row >= VETOES_MAX
            return veto and not self.exhausted

    return EarlyVeto()


def outgoing(event: Any, codes: tuple[int, ...]) -> list[Outgoing]:
    """Return the outgoing particles of some kinds in a Pythia event record."""
    chosen = (event[index] for index in range(event.size()) if event[index].idAbs() in codes)
    return [Outgoing(item.id(), item.pT(), abs(item.eta())) for item in chosen if item.isFinal()]


def accepts_hard_leptons(
    leptons: list[Outgoing], definition: ProcessDefinition, threshold: float, eta_max: float
) -> bool:
    """Tell whether a hard process has the leptons of its definition, one of them near the trigger threshold (GeV)."""
    if definition.leptons == "one" and len(leptons) != 1:
        return False
    return any(item.pt > HARD_LEPTON_SHARE * threshold and item.eta < eta_max + 2 * ETA_MARGIN for item in leptons)


def prompt_lepton_jets(leptons: list[Outgoing], threshold: float, eta_max: float) -> int:
    """Return how many of the jets of a showered event are its leptons, at least 1; 0 if none of them can trigger."""
    light = [item for item in leptons if abs(item.code) != TAU]
    light = [item for item in light if item.pt > SHOWERED_LEPTON_SHARE * threshold and item.eta < eta_max + 0.1]
    if light:
        return len(light)
    tau_pt_min = SHOWERED_TAU_SHARE * threshold
    taus = [item for item in leptons if abs(item.code) == TAU]
    return int(any(item.pt > tau_pt_min and item.eta < eta_max + ETA_MARGIN for item in taus))


def bottom_lepton_jets(quarks: list[Outgoing], side: int, threshold: float, eta_max: float) -> int:
    """Return 1 if a bottom quark of the forced side can give a lepton that triggers, else 0."""
    return int(
        any(item.code == side * BOTTOM and item.pt > threshold and item.eta < eta_max + ETA_MARGIN for item in quarks)
    )
