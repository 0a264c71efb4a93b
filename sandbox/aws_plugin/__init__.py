"""A stand-in for the Pulumi AWS plugin: the kinds and lookups that this project needs, with boto3.

The real plugin cannot be built from published Go modules, so this one replaces it on a machine without Pulumi's
downloads. It uses the AWS of its environment and doesn't know the sandbox. ``kinds.py`` has the form of the table;
``provider.py`` implements the protocol; behaviour.md (PLUG-...) lists its behaviour with sources.
"""
