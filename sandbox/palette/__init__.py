"""A stand-in for Palette's API: registries, their sync, their packs. ``behaviour.md`` lists its behaviour.

It has its own AWS account in the sandbox and reads registries from outside, with the credentials of the registration.
So wrong credentials and missing permissions have the same effect as with Palette.
"""

HOST = "api.spectrocloud.com"
