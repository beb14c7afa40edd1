"""Results as figures: the only room that draws."""
