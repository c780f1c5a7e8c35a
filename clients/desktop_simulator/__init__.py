"""A Docker Desktop without Docker: signs in, follows its settings, plays a developer's day.

A reference for whoever writes a client of the API; the standard library only.
"""
