"""Measurements, each runnable by itself: `.venv/bin/python -m benchmarks.packs`. Not tests: nothing here can fail."""
