"""From Parquet columns to the arrays that models read."""
