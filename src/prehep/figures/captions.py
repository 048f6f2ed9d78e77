"""What stands under each figure: what is drawn, on which data, and what may not be concluded."""

CAPTIONS = {
    "label_efficiency": (
        "Area under the ROC curve on one common test set against the number of labelled training events "
        "per class. Points are means over seeds; bars are one standard deviation over seeds (other "
        "labelled events, other initial weights). All models see the same labels of a seed. “Scratch, as "
        "published” follows the short fixed-rate recipe of the paper; “scratch, tuned and trained long” "
        "is the baseline that counts. Stars and crosses are the values printed in the repository of the "
        "paper, for its own data and one trial: a point of reference, not a target."
    ),
    "object_distributions": (
        "Normalised distributions of the reconstructed objects. Points: the unlabelled data used for "
        "pretraining, with statistical errors, weighted to the cross-section mix where they are pseudo-data"
        ". Lines: the samples drawn beside them, bands are their statistical errors. Below each panel "
        "the ratio to the data; the grey band is the statistical error of the data. Samples of other "
        "processes need not agree with the data."
    ),
    "mdm_accuracy": (
        "Fraction of exactly predicted pixel modules when one hit of a track is replaced by [MASK], by "
        "the position of that hit; bars carry binomial errors. Solid grey: a Monte-Carlo helix posterior "
        "that knows the detector and sees the same module numbers, about the ceiling, measured on another "
        "sample of the same kind, so differences of a few per cent mean nothing. Dotted: the notebook of "
        "the paper with real masks (labels corrected)."
    ),
    "module_distance": (
        "Fraction of masked hits, over all probed positions, whose predicted module has its centre within "
        "a distance of the true one. The value at 0 is the exact accuracy. Stars: the notebook of the "
        "paper with real masks (80.35 % exact, about 87 % within 20 mm, read off its plot). Cross: its "
        "headline of 99.8 %, which the code obtains with the probed token left visible."
    ),
    "input_visibility": (
        "The leak test. The same trained models are probed twice: with the probed hit replaced by [MASK], "
        "and with the true token left in place, which only asks the model to copy. A high score on "
        "visible input says how many tokens were left visible in training (none with pure [MASK], 10 % "
        "unchanged with the 80/10/10 scheme); it says nothing about tracking. The n-gram never sees the "
        "probed token and is left out."
    ),
    "training_curves": (
        "Training and validation loss of every pretraining run. Each panel has its own scale: losses of "
        "different objectives do not compare. The training loss is the mean since the previous "
        "validation."
    ),
    "dimuon_mass": (
        "Mass of the two leading muons where their charges are opposite, per GeV, in logarithmic bins "
        "with Poisson errors. Known resonances are marked where the spectrum has entries. The peaks show "
        "that real collisions were read with the right units and calibration; no model is given this "
        "mass."
    ),
}
"""By figure name."""
