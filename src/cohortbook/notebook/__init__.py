"""Notebooks: what is read of them, and what their cells call to show and save."""
