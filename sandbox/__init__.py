"""A stand-in for AWS on loopback, behind the real host names: its own ECR, and ministack's IAM, KMS and STS; and one
for Palette (``palette/``).

``python -m sandbox`` says how to use it; ``behaviour.md`` lists its behaviour with a source for each row. This file
imports nothing, because the sandbox and the stand-in Pulumi plugin run in two environments.
"""
