"""What stands under each figure: what is drawn, on which data, and what may not be concluded.

Words in braces are facts of the study, see `registry.caption`.
"""

DATA_WORDS = {"collisions": "collision data", "prehep_simulation": "pseudo-data"}
"""What the unlabelled data of a study are called, by their origin."""

CAPTIONS = {
    "label_efficiency": (
        "Area under the ROC curve on one common test set ({test_signal} signal and {test_background} background "
        "events) against the number of labelled training events per class, plus as many validation labels (1,000 at "
        "most by default), used for stopping and tuning by every model but “scratch, as published”. Points are means "
        "over seeds; bars are one standard deviation over seeds (other labelled events, other initial weights), "
        "without the statistical error of the test set, which all points share. All models see the same labels of a "
        "seed. There is one pretraining, so its own spread is not in the bars. “Scratch, as published” follows the "
        "recipe of the paper: SGD at 0.01 with momentum 0.9, cosine to 1e-4, weight decay 5e-5, 100 epochs, batches "
        "of 1,024 or of all events where there are fewer, last weights. It differs in our smaller backbone "
        "(pre-norm), standardised input and masked padding; a configuration may shorten it. “Scratch, tuned and "
        "trained long” is the baseline that counts: like the pretrained network it is trained on events turned in "
        "phi and reflected at random, and chooses its learning rate and its best step on the validation labels. "
        "Where stars and crosses are drawn, they are the values printed in the repository of the paper, at 4,096 "
        "labels per class of its own data and for one trial: a point of reference, not a target."
    ),
    "object_distributions": (
        "Normalised distributions of the reconstructed objects. Points: the {data} used for pretraining, without "
        "labels, with statistical errors; simulated events carry their cross-section or generator weights. Lines: "
        "the samples drawn beside them, with bands for their statistical errors. Below each panel the ratio to the "
        "{data}: the grey band is the statistical error of the {data}, the coloured bands those of the lines. What "
        "lies outside the range drawn is left out, also of the normalisation. Samples of other processes need not "
        "agree with the {data}."
    ),
    "mdm_accuracy": (
        "Fraction of exactly predicted pixel modules when one hit of a track is replaced by [MASK], by the position "
        "of that hit. Bars carry binomial errors that count tracks, not probes, since the three probes of a track "
        "are not independent; one training per model, so the spread between trainings is not in them. Solid grey: a "
        "Monte-Carlo helix posterior that knows the detector and sees the same module numbers, measured on another "
        "sample (gun; tt̄ with 200 pile-up). It is about the ceiling, not a strict bound: it ignores scattering and "
        "secondaries, and differences of a few per cent mean nothing. Dotted: the notebook of paper B with real "
        "masks, track A of its model 14, on its own data (labels corrected)."
    ),
    "module_distance": (
        "Fraction of masked hits, over all probed positions, whose predicted module has its centre within a distance "
        "of the true one; bands are binomial errors that count tracks, not probes. The value at 0 is the exact "
        "accuracy. Stars: the notebook of paper B with real masks, track A of its model 14 (0.80 exact; about 0.87 "
        "within 20 mm and 0.98 within 100 mm, read off its plot). Crosses: its headline of 99.8 % exact and 100 % "
        "within 20 mm, which its code obtains with the probed token left visible."
    ),
    "input_visibility": (
        "The leak test. The same trained models are probed twice: with the probed hit replaced by [MASK], and with "
        "the true token left in place, which only asks the model to copy. A score on visible input only says how "
        "well a model copies, which it learns from the chosen tokens that training leaves in place (none with pure "
        "[MASK], 10 % with the 80/10/10 scheme); it says nothing about tracking. Errors are binomial and count "
        "tracks, not probes. The n-gram never sees the probed token and is left out."
    ),
    "training_curves": (
        "Training and validation loss of every pretraining run. Each panel has its own scale: losses of different "
        "objectives do not compare. The training loss is the mean since the previous validation."
    ),
    "dimuon_mass": (
        "Mass of the two leading muons where their charges are opposite, per GeV, in logarithmic bins with Poisson "
        "errors: collisions only, each event counted once. Muons have pt > {lepton_pt_min} GeV and |eta| < "
        "{eta_max}, as configured; the double-muon trigger shapes the spectrum. Known resonances are marked where "
        "the spectrum has entries. The peaks show that real collisions were read with the right units and "
        "calibration; no model is given this mass."
    ),
}
"""By figure name."""
