"""The table of the simulated cocktail."""

import pytest

from prehep.evaluation.mixture import MIXTURE_COLUMNS, mixture_table


def summary(**processes: tuple[int, float]) -> dict[str, object]:
    return {
        "processes": {
            name: {"events": events, "accepted_cross_section_pb": cross_section}
            for name, (events, cross_section) in processes.items()
        }
    }


def test_shards_add_up_and_weights_restore_the_cross_sections():
    shards = [summary(ttbar=(30, 90.0), w_jets=(10, 800.0)), summary(ttbar=(10, 110.0), w_jets=(10, 1000.0))]
    table = mixture_table(shards)
    rows = table.set_index("process")
    assert list(table.columns) == MIXTURE_COLUMNS
    assert rows["events"].to_dict() == {"ttbar": 40, "w_jets": 20}
    assert rows["fraction"].sum() == pytest.approx(1)
    assert rows.loc["ttbar", "cross_section_pb"] == pytest.approx((30 * 90 + 10 * 110) / 40)
    assert rows.loc["w_jets", "weight_pb"] * 20 == pytest.approx(900)


def test_without_simulation_the_table_is_empty():
    assert mixture_table([]).empty
