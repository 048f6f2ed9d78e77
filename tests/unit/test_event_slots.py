"""Objects without empty slots, and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from prehep.tokens.event_slots import dense, filled_slots

EVENT_TYPES = st.tuples(st.integers(0, 6), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.int8, shape, elements=st.integers(0, 4))
)


@given(EVENT_TYPES)
def test_dense_undoes_what_leaving_out_empty_slots_did(types: np.ndarray) -> None:
    values = np.random.default_rng(0).random((*types.shape, 5)).astype(np.float32) * (types > 0)[..., None]
    filled = filled_slots(types)
    slots = types.shape[1]
    for array in (types, values):
        back = dense(array[filled.real], filled.slot, filled.lengths, slots)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    assert filled.lengths.tolist() == [np.count_nonzero(event) for event in types]


def test_known_event() -> None:
    filled = filled_slots(np.array([[1, 0, 2], [0, 4, 0]], np.int8))
    assert filled.slot.tolist() == [0, 2, 1]
    assert filled.lengths.tolist() == [2, 1]
    assert dense(np.array([7, 8, 9]), filled.slot, filled.lengths, 3).tolist() == [[7, 0, 8], [0, 9, 0]]
