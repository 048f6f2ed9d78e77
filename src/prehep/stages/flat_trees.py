"""Boosted trees that read what networks read."""

from prehep.evaluation.flat_features import flat_features
from prehep.evaluation.trees import Table
from prehep.stages.labelled_events import LabelledEvents
from prehep.stages.tree_baseline import Trees


class FlatTrees(Trees):
    """Trees on the network's own input."""

    def features_of(self, events: LabelledEvents) -> Table:
        """Return the input of the network as one row per event."""
        return flat_features(events.features, events.types)
