"""A stand-in for AWS on loopback: ECR of our own, IAM, KMS and STS by ministack, behind the real host names;
beside it one for Palette (``palette/``).

``python -m sandbox`` says how to use it; ``behaviour.md`` says what it answers and from which source that is known.
This file imports nothing: the sandbox and the stand-in Pulumi plugin live in two environments.
"""
