"""Printed figures: how they are written down, how precise they are, and what each says of a cohort."""
