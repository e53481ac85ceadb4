"""Weight files: where they are, what they hold, and how they are fetched."""
