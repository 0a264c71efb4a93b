"""A stand-in for Palette's API: registries, their sync, their packs. ``behaviour.md`` beside it says what it answers.

It has an AWS account of its own in the sandbox, and reads registries from outside, with the credentials that were
registered: who gives it the wrong ones, or too few rights, sees what Palette's user would see.
"""

HOST = "api.spectrocloud.com"
