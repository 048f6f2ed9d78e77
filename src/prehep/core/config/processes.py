"""Physics processes of the event simulation, by which labels name them."""

from typing import Literal

Process = Literal["ttbar", "single_top", "w_jets", "z_jets", "diboson", "qcd_bb", "signal_2hdm", "ttbar_semileptonic"]
