"""What an OCI registry is: references, descriptors, manifests, and one well-spoken client. No Pulumi, no packs, no AWS."""

from packinfra.oci.client import Client, PushResult
from packinfra.oci.errors import RegistryError
from packinfra.oci.manifest import Descriptor, Manifest
from packinfra.oci.reference import Reference

__all__ = [
    "Client",
    "Descriptor",
    "Manifest",
    "PushResult",
    "Reference",
    "RegistryError",
]
