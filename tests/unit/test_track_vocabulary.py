"""The modules behind the tokens."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from track_examples import barrel_modules, barrel_vocabulary

from prehep.core.errors import FormatError
from prehep.tokens.track_vocabulary import FIRST_MODULE, SPECIAL_TOKENS, TrackVocabulary, build_vocabulary

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def test_special_tokens_come_first_and_have_no_place() -> None:
    vocabulary = barrel_vocabulary()
    special = vocabulary.table.iloc[:FIRST_MODULE]
    assert SPECIAL_TOKENS == ("PAD", "UNK", "CLS", "SEP", "MASK")
    assert (special[["volume", "layer", "module"]] == -1).all(axis=None)
    assert not vocabulary.centres[:FIRST_MODULE].any()
    assert vocabulary.layers.tolist()[:FIRST_MODULE] == [0] * FIRST_MODULE


def test_modules_are_sorted_and_other_volumes_left_out() -> None:
    modules = barrel_modules()
    vocabulary = build_vocabulary(modules.sample(frac=1, random_state=3), (8,))
    assert len(vocabulary) == 5 + 480
    keys = vocabulary.table.loc[FIRST_MODULE:, ["volume", "layer", "module"]]
    assert keys.equals(keys.sort_values(["volume", "layer", "module"]))
    assert vocabulary.layers[FIRST_MODULE:].tolist() == np.repeat(np.arange(1, 9), 60).tolist()
    pd.testing.assert_frame_equal(vocabulary.table, barrel_vocabulary().table)


def test_encode_finds_each_module() -> None:
    vocabulary = barrel_vocabulary()
    hits = vocabulary.table.loc[FIRST_MODULE:].sample(frac=1, random_state=1)
    assert vocabulary.encode(hits).tolist() == hits["token"].tolist()


def test_encode_names_the_unknown_module() -> None:
    hits = pd.DataFrame({"volume": [8, 8], "layer": [2, 2], "module": [1, 99]})
    with pytest.raises(FormatError, match=r"1 hits .*\(8, 2, 99\)"):
        barrel_vocabulary().encode(hits)


def test_missing_volume_and_double_module_are_errors() -> None:
    modules = barrel_modules()
    with pytest.raises(FormatError, match=r"volumes \[7, 9\]"):
        build_vocabulary(modules, (7, 8, 9))
    with pytest.raises(FormatError, match="twice"):
        build_vocabulary(pd.concat([modules, modules.tail(1)]), (8,))


def test_vocabularies_with_another_module_or_place_differ() -> None:
    vocabulary = barrel_vocabulary()
    vocabulary.check_same(barrel_vocabulary(), "copy")
    moved = TrackVocabulary(vocabulary.table.assign(cx=vocabulary.table["cx"] + 1))
    renamed = TrackVocabulary(vocabulary.table.assign(module=vocabulary.table["module"] + 1))
    for other in (moved, renamed, build_vocabulary(barrel_modules(), (8, 13))):
        with pytest.raises(FormatError, match="other folder"):
            vocabulary.check_same(other, "other folder")


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_trackml_detector_has_4004_pixel_modules_in_18_layers() -> None:
    modules = pd.read_csv(SHARED / "trackml" / "detectors.csv.gz")
    modules = modules.rename(columns={"volume_id": "volume", "layer_id": "layer", "module_id": "module"})
    vocabulary = build_vocabulary(modules, (7, 8, 9))
    assert len(vocabulary) == 4_004 + 5
    assert vocabulary.table["volume"].value_counts().to_dict() == {8: 2_492, 7: 756, 9: 756, -1: 5}
    assert vocabulary.layers.max() == 18
