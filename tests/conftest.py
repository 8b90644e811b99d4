"""Fixtures that tests of several parts share."""

pytest_plugins = ["tests.databases"]
