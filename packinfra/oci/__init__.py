"""OCI registries: references, descriptors, manifests, and a client that follows the distribution specification.

    with Client(Transport("registry.example.com", RegistryCredentials("registry.example.com"))) as client:
        client.resolve(Reference.of("registry.example.com/team/packs/hello", "1.0.0"))

Of Pulumi, packs and AWS it knows nothing.
"""

from packinfra.http.client import Timeouts
from packinfra.http.retry import RetryPolicy
from packinfra.oci.auth.credentials import (
    Anonymous,
    CredentialProvider,
    Credentials,
    CredentialsError,
    RegistryCredentials,
)
from packinfra.oci.client import Client, PushResult
from packinfra.oci.errors import RegistryError, Step
from packinfra.oci.manifest import Descriptor, Manifest
from packinfra.oci.reference import Reference
from packinfra.oci.traits import SPEC_CONFORMING, RegistryTraits
from packinfra.oci.transport import Transport

__all__ = [
    "SPEC_CONFORMING",
    "Anonymous",
    "Client",
    "CredentialProvider",
    "Credentials",
    "CredentialsError",
    "Descriptor",
    "Manifest",
    "PushResult",
    "Reference",
    "RegistryCredentials",
    "RegistryError",
    "RegistryTraits",
    "RetryPolicy",
    "Step",
    "Timeouts",
    "Transport",
]
