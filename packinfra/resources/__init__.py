"""The dynamic resources: inputs, outputs and documentation. Their providers are in packinfra/providers.py."""
