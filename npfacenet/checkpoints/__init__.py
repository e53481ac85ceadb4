"""Weight files: containers, layouts, matching with a recipe, reading and writing."""
