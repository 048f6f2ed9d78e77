"""What figures and report call the models of the downstream task."""

TITLES = {
    "pretrained": "pretrained",
    "scratch_published": "scratch, as published",
    "scratch_tuned": "scratch, tuned and trained long",
    "trees_flat": "boosted trees, same input",
    "trees_engineered": "boosted trees, engineered quantities",
}
