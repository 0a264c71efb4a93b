"""The components of a program. Each declares the resources of one registry."""
