"""A stand-in for the Pulumi AWS plugin: the few kinds and lookups this project needs, over boto3.

The real plugin cannot be built from published Go modules, so on a machine without Pulumi's downloads this one takes
its place. It talks to whatever AWS its environment leads to and knows nothing of the sandbox. ``kinds.py`` is the
table; ``provider.py`` speaks the protocol; behaviour.md (PLUG-...) says what it does and from which source.
"""
