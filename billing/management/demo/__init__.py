"""The demo organization of `make run`: its people, their days, and how they are loaded."""
