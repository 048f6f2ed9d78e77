"""The sentences of the report that do not depend on numbers."""

STUDY_TITLES = {
    "event_pretraining": "Events: pretraining on unlabelled collisions",
    "tracking_bert": "Tracks: masked detector modules",
}
INTRODUCTIONS = {
    "events": (
        "A transformer is pretrained on events without labels and then fitted to few labelled events of "
        "another task: {task}. It is compared with the same network from random weights, once trained with the "
        "recipe of the paper and once long with a tuned learning rate, and with boosted trees."
    ),
    "tracks": (
        "A transformer reads a track as a sequence of detector modules and predicts the module of a "
        "hidden hit. All numbers are on tracks that were not trained on. The n-gram with back-off saw the "
        "same training tracks. “token” is the embedding as published, a learned vector per module, but with our "
        "trunk: pre-norm, the Muon optimiser, one track per sequence. “geometry” adds what is known of the module: "
        "Fourier features of r and z of its centre and a one-hot of its layer pass a small network, the result is "
        "turned by harmonics of the module's azimuth, each track is turned to its own azimuth, and the same table of "
        "embeddings scores the modules at the output. “mixed” is trained with the 80/10/10 scheme in place of pure "
        "[MASK]."
    ),
}
CLOSURE = (
    "This is a closure test on real collisions: the label follows from the dimuon mass, so network inputs and features "
    "of the trees are quantities of single muons, HT and multiplicities only: no mass, and no angle between muons. "
    "No mass is a pretraining target either. A good score only shows that the chain works."
)
RULES = {
    "events": (
        "Differences are of the area under the ROC curve, seed by seed on the same labelled events. "
        "“Helps” and “worse” are said where the 95 % interval from the spread over seeds (Student) and "
        "from the size of the common test set excludes zero; with few seeds that asks for a large effect. The "
        "areas of two models count as independent although they share the test set, which is conservative."
    ),
    "tracks": (
        "A difference counts where its 95 % interval excludes zero. Errors count tracks, not probes, because the three "
        "probes of a track are not independent, and take two models as independent, which is conservative. Everything "
        "rests on one training per model: the spread between trainings is not in the intervals, nor are they "
        "corrected for the number of comparisons."
    ),
}
SOURCES = {
    ("events", "prehep_simulation"): (
        "Embedded event simulation: Pythia 8 hard processes, anti-kT jets, a parametrised CMS-like "
        "detector and a lepton trigger. Not modelled: pile-up, fake leptons, trigger turn-on, jet "
        "calibration; multi-parton interactions unless configured; single top is t- and s-channel only; leading-order "
        "cross sections. The pseudo-data play the part of collisions: their "
        "generator labels are not written. These are not CMS data."
    ),
    ("tracks", "prehep_simulation"): (
        "Embedded track simulation: a muon gun and Pythia 8 top-quark pairs with pile-up, through the "
        "ACTS fast simulation of the generic detector (the 18,728 modules of TrackML) in a uniform field "
        "of 2 T. Not modelled: hadronic interactions; noise hits and inefficiency: none unless configured."
    ),
    ("events", "collisions"): ("Real proton-proton collisions recorded by CMS and published as CMS Open Data."),
    ("events", "cms_simulation"): ("Simulation made by CMS: public test files, not a data release."),
    ("tracks", "trackml_simulation"): ("Events of the TrackML challenge: a simulation that its organisers published."),
}
"""By kind of study and origin of a sample."""
