"""The sentences of the report that do not depend on numbers."""

STUDY_TITLES = {
    "event_pretraining": "Events: pretraining on unlabelled collisions",
    "tracking_bert": "Tracks: masked detector modules",
}
INTRODUCTIONS = {
    "events": (
        "A transformer is pretrained on events without labels and then fitted to few labelled events of "
        "another task: {task}. It is compared with the same network from random weights, once trained as "
        "published and once trained long with a tuned learning rate, and with boosted trees."
    ),
    "tracks": (
        "A transformer reads a track as a sequence of detector modules and predicts the module of a "
        "hidden hit. All numbers are on tracks that were not trained on. The n-gram with back-off saw the "
        "same training tracks."
    ),
}
CLOSURE = (
    "This is a closure test on real collisions: the label follows from the dimuon mass, so no mass is an input of a "
    "network, a feature of the trees or a pretraining target, and a good score only shows that the chain works."
)
RULES = {
    "events": (
        "Differences are of the area under the ROC curve, seed by seed on the same labelled events. "
        "“Helps” and “worse” are said where the 95 % interval from the spread over seeds (Student) and "
        "from the size of the common test set excludes zero; with three seeds that asks for a large "
        "effect."
    ),
    "tracks": ("A difference counts where it exceeds two standard errors."),
}
SOURCES = {
    ("events", "prehep_simulation"): (
        "Embedded event simulation: Pythia 8 hard processes, anti-kT jets, a parametrised CMS-like "
        "detector and a lepton trigger. Not modelled: pile-up, fake leptons, trigger turn-on, jet "
        "calibration; leading-order cross sections. The pseudo-data play the part of collisions: their "
        "generator labels are not written. These are not CMS data."
    ),
    ("tracks", "prehep_simulation"): (
        "Embedded track simulation: a muon gun and Pythia 8 top-quark pairs with pile-up, through the "
        "ACTS fast simulation of the generic detector (the 18,728 modules of TrackML) in a uniform field "
        "of 2 T. Not modelled: hadronic interactions; noise hits and inefficiency as configured."
    ),
    ("events", "collisions"): ("Real proton-proton collisions recorded by CMS and published as CMS Open Data."),
    ("events", "cms_simulation"): ("Full simulation made by CMS and published as CMS Open Data."),
    ("tracks", "trackml_simulation"): ("Events of the TrackML challenge: a simulation that its organisers published."),
}
"""By kind of study and origin of a sample."""
