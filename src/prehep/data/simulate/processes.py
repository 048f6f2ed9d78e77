"""The physics processes of the event simulation: Pythia 8 settings and what the hard process must hold.

Cross sections are leading order, as Pythia computes them, inside the phase-space cuts given here; no k-factors.
Selections on the hard process (one charged lepton, say) are vetoes, not forced branching ratios: Pythia's
cross section already holds their efficiency, and lepton charges stay unbiased. Only `qcd_bb` forces decays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from prehep.core.config.processes import Process

PROCESS_NAMES: tuple[Process, ...] = get_args(Process)


@dataclass(frozen=True)
class ProcessDefinition:
    """One process as Pythia settings.

    Attributes:
        settings: lines for `Pythia.readString`.
        leptons: charged leptons (electron, muon, tau) that the hard process must have: `some`, exactly `one`, or
            `from_bottom` where the lepton comes from a b-hadron decay that is forced on one side of the event.
    """

    settings: tuple[str, ...]
    leptons: Literal["some", "one", "from_bottom"] = "some"


TTBAR = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
LEPTONIC_Z = ("23:onMode = off", "23:onIfAny = 11 13 15", "23:mMin = 50")
HEAVY_HIGGS = (
    "Higgs:useBSM = on",
    "HiggsBSM:gg2H2 = on",
    "35:m0 = 425",
    "35:mMin = 300",
    "35:mMax = 550",
    "37:m0 = 325",
    "37:mMin = 250",
    "37:mMax = 400",
    "25:m0 = 125",
    "25:mMin = 100",
    "25:mMax = 150",
    "35:onMode = off",
    "35:addChannel = 1 0.5 100 24 -37",
    "35:addChannel = 1 0.5 100 -24 37",
    "37:onMode = off",
    "37:addChannel = 1 1.0 100 24 25",
    "25:onMode = off",
    "25:onIfMatch = 5 -5",
)

PROCESSES: Mapping[Process, ProcessDefinition] = MappingProxyType(
    {
        "ttbar": ProcessDefinition(TTBAR),
        "ttbar_semileptonic": ProcessDefinition(TTBAR, leptons="one"),
        "single_top": ProcessDefinition(("Top:qq2tq(t:W) = on", "Top:ffbar2tqbar(s:W) = on")),
        "w_jets": ProcessDefinition(
            ("WeakBosonAndParton:qqbar2Wg = on", "WeakBosonAndParton:qg2Wq = on", "PhaseSpace:pTHatMin = 30")
        ),
        "z_jets": ProcessDefinition(
            (
                "WeakBosonAndParton:qqbar2gmZg = on",
                "WeakBosonAndParton:qg2gmZq = on",
                "PhaseSpace:pTHatMin = 30",
                *LEPTONIC_Z,
            )
        ),
        "diboson": ProcessDefinition(
            (
                "WeakDoubleBoson:ffbar2WW = on",
                "WeakDoubleBoson:ffbar2ZW = on",
                "WeakDoubleBoson:ffbar2gmZgmZ = on",
                "23:mMin = 50",
            )
        ),
        "qcd_bb": ProcessDefinition(
            (
                "HardQCD:gg2bbbar = on",
                "HardQCD:qqbar2bbbar = on",
                "PhaseSpace:pTHatMin = 40",
                "ParticleDecays:mixB = off",
            ),
            leptons="from_bottom",
        ),
        "signal_2hdm": ProcessDefinition(HEAVY_HIGGS, leptons="one"),
    }
)
"""Signal: gg -> H0(425) -> W H+-(325), H+- -> W h(125), h -> bb: the chain behind `2hdm425-325` of arXiv:2312.06909."""
