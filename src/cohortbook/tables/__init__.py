"""Results as tables: the only room that rounds and formats."""
