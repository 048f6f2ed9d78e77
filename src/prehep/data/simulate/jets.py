"""Jets as the detector measures them: anti-kT clustering, resolution, flavour and b-tag score."""

from statistics import NormalDist
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from prehep.core.config.event_simulation import BtagSettings, DetectorSettings
from prehep.data.simulate.kinematics import delta_r, momentum_fields, wrap_phi

BOTTOM, CHARM = 5, 4
PARTICLE_ETA_MAX = 5.0
CLUSTERED_PT_MIN = 10.0
"""GeV; softer jets count as unclustered energy."""
HADRON_PT_MIN = 5.0
TRACKER_ETA_MAX = 2.5
SCORE_WIDTHS = {"bottom": 3.8, "charm": 2.4, "light": 2.1}
"""Spread of logit(score); with the medium point it brings the loose and tight efficiencies near those of DeepJet."""


def cluster_jets(particles: Any, settings: DetectorSettings) -> Any:
    """Cluster particles `(events, particles)` with fields px, py, pz, energy into anti-kT jets.

    Returns:
        Jets `(events, jets)` above 10 GeV with pt, eta, phi and mass at particle level, by falling pt.
    """
    import fastjet

    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, settings.jet_radius)
    momenta = ak.zip(
        {"px": particles.px, "py": particles.py, "pz": particles.pz, "E": particles.energy},
        with_name="Momentum4D",
    )
    jets = fastjet.ClusterSequence(momenta, definition).inclusive_jets(min_pt=CLUSTERED_PT_MIN)
    mass_squared = jets.E**2 - jets.px**2 - jets.py**2 - jets.pz**2
    fields = momentum_fields(jets.px, jets.py, jets.pz)
    result = ak.zip({**fields, "mass": np.sqrt(np.maximum(mass_squared, 0.0))})
    return result[ak.argsort(result.pt, axis=1, ascending=False)]


def smear_jets(jets: Any, settings: DetectorSettings, random: np.random.Generator) -> Any:
    """Return jets with measured pt, eta, phi and mass.

    The relative pt resolution is sqrt((N/pt)^2 + S^2/pt + C^2); the mass moves with pt and has its own spread.
    """
    counts = ak.num(jets)
    pt, eta, phi, mass = (ak.to_numpy(ak.flatten(jets[name])) for name in ("pt", "eta", "phi", "mass"))
    resolution = np.sqrt((settings.jet_noise / pt) ** 2 + settings.jet_stochastic**2 / pt + settings.jet_constant**2)
    shift = np.maximum(1.0 + resolution * random.normal(size=pt.size), 0.1)
    mass_shift = np.maximum(1.0 + settings.jet_mass_resolution * random.normal(size=pt.size), 0.1)
    angles = settings.jet_angle_resolution * random.normal(size=(2, pt.size))
    measured = {
        "pt": pt * shift,
        "eta": eta + angles[0],
        "phi": wrap_phi(phi + angles[1]),
        "mass": mass * shift * mass_shift,
    }
    return ak.zip({name: ak.unflatten(values, counts) for name, values in measured.items()})


def hadron_flavour(jets: Any, particles: Any, radius: float) -> Any:
    """Return the flavour of each jet: 5 with a b hadron within `radius`, else 4 with a c hadron, else 0.

    Args:
        jets: `(events, jets)` with eta and phi.
        particles: all particles of the events, decayed ones too, with id, pt, eta and phi.
        radius: largest distance of hadron and jet axis.
    """
    bottom = _near(jets, particles[contains_quark(particles.id, BOTTOM) & (particles.pt > HADRON_PT_MIN)], radius)
    charm = _near(jets, particles[contains_quark(particles.id, CHARM) & (particles.pt > HADRON_PT_MIN)], radius)
    return ak.where(bottom, BOTTOM, ak.where(charm, CHARM, 0))


def contains_quark(codes: Any, quark: int) -> Any:
    """Tell which PDG codes are hadrons whose heaviest quark is `quark`; diquarks (tens digit 0) are not hadrons."""
    size = abs(codes)
    return ((size // 100 % 10 == quark) | (size // 1000 % 10 == quark)) & (size // 10 % 10 != 0)


def _near(jets: Any, hadrons: Any, radius: float) -> Any:
    pairs = ak.cartesian({"jet": jets, "hadron": hadrons}, nested=True)
    return ak.any(delta_r(pairs.jet, pairs.hadron) < radius, axis=-1)


def btag_scores(
    flavour: NDArray[np.integer[Any]],
    eta: NDArray[np.floating[Any]],
    settings: BtagSettings,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw b-tag scores in (0, 1): normal in logit(score), with the requested share above the medium point.

    Args:
        flavour: hadron flavour of each jet, 5, 4 or 0.
        eta: of each jet; beyond the tracker every jet looks light.
        settings: the medium point and the efficiencies there.
        random: stream of random numbers.
    """
    within = np.abs(eta) < TRACKER_ETA_MAX
    kinds = [(flavour == BOTTOM) & within, (flavour == CHARM) & within]
    widths = np.select(kinds, [SCORE_WIDTHS["bottom"], SCORE_WIDTHS["charm"]], SCORE_WIDTHS["light"])
    quantile = NormalDist().inv_cdf
    offsets = np.select(kinds, [quantile(settings.bottom), quantile(settings.charm)], quantile(settings.light))
    medium = np.log(settings.medium / (1 - settings.medium))
    return np.asarray(1 / (1 + np.exp(-medium - widths * (offsets + random.normal(size=eta.size)))))
