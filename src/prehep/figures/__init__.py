"""One module per figure: a pure function from tables to a matplotlib figure."""
