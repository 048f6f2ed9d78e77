"""One pydantic model per section of the configuration."""
