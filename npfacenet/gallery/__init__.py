"""Galleries: known people, and who of them a picture shows."""
