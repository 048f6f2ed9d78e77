"""Boosted trees that read what a physicist would compute."""

from prehep.core.logging import logger
from prehep.evaluation.engineered_features import engineered_features
from prehep.evaluation.trees import Table
from prehep.stages.labelled_events import LabelledEvents
from prehep.stages.tree_baseline import Trees


class EngineeredTrees(Trees):
    """Trees on engineered quantities."""

    def features_of(self, events: LabelledEvents) -> Table:
        """Return the engineered quantities, without masses where a mass would be the answer."""
        features, names = engineered_features(events.kinematics, events.types, masses=self.task.masses_as_features)
        logger.info("%d engineered quantities: %s", len(names), ", ".join(names))
        return features
