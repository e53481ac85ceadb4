"""Public weights: what there is, where it lies, and how it is fetched."""
