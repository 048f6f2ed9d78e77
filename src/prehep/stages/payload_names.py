"""Names of payloads that one stage writes and another looks for."""

TEST_SET = "test_set.json"
"""Signal and background events of the common test set, as the trees record them."""
