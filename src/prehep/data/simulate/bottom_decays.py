"""Forced semileptonic decays of b hadrons, and the event weights that undo the forcing.

One b hadron in five decays to an electron or muon and fewer give an isolated one that triggers, so `qcd_bb` would
be unaffordable otherwise. Only one side of each event is forced: with both forced the other jet would be wrong too.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ELECTRON, MUON = 11, 13
BOTTOM_MESONS = (511, 521, 531, 541)
BOTTOM_BARYONS = (5122, 5132, 5232, 5332)
"""Weakly decaying b hadrons. Positive codes of mesons hold an anti-b quark, those of baryons a b quark (PDG)."""


def force_semileptonic_bottom(pythia: Any, side: int) -> dict[int, float]:
    """Close the decays without electron or muon of b hadrons on one side; return each hadron's open fraction.

    Args:
        pythia: instance before `init`.
        side: 1 for hadrons with a b quark, -1 for those with an anti-b quark.

    Returns:
        Signed PDG code of each forced hadron and its branching fraction to electrons and muons.
    """
    branching = {}
    for code in (*BOTTOM_MESONS, *BOTTOM_BARYONS):
        forced = code * side * (-1 if code in BOTTOM_MESONS else 1)
        entry = pythia.particleData.findParticle(code)
        total = open_fraction = 0.0
        for index in range(entry.sizeChannels()):
            channel = entry.channel(index)
            total += channel.bRatio()
            products = {abs(channel.product(i)) for i in range(channel.multiplicity())}
            if products & {ELECTRON, MUON}:
                open_fraction += channel.bRatio()
            else:
                # Mode 2 leaves a channel open for the particle only, 3 for the antiparticle only.
                channel.onMode(3 if forced > 0 else 2)
        branching[forced] = open_fraction / total
    return branching


def bottom_weights(particles: Any, branching: dict[int, float], side: int) -> NDArray[np.float64]:
    """Return the forced-decay corrections of `ProcessGenerator.weights` for particles `(events, particles)`."""
    import awkward as ak

    codes = particles.id
    product = np.ones(len(particles))
    for code, fraction in branching.items():
        product *= fraction ** ak.to_numpy(ak.sum(codes == code, axis=1))
    leptons = particles[(abs(codes) == ELECTRON) | (abs(codes) == MUON)]
    parents = codes[leptons.mother1]
    sides = np.where(abs(parents) < 1000, -1, 1) * np.sign(parents)
    from_bottom = np.zeros_like(sides, dtype=bool)
    for code in (*BOTTOM_MESONS, *BOTTOM_BARYONS):
        from_bottom = from_bottom | (abs(parents) == code)
    both = ak.to_numpy(ak.any(from_bottom & (sides == -side), axis=1))
    return np.asarray(product * np.where(both, 1.0, 2.0))
