"""Wiring only: settings, URLs, server entries, the embedded services. No business rule."""
