"""The root of everything that packinfra raises on purpose, and the whole tree below it.

    PackinfraError
      PackError                  packs/      a pack folder, or several, cannot be published
      RuleError                  packs/      an organisation's own rules can't be used
      ArchiveError               packs/      an archive could not be built
      UnpackError                packs/      somebody else's archive can't be read as a pack
      SettingsError              settings/   the stack's config is wrong
      CredentialsError           oci/, aws/  credentials are incomplete, unusable, or of the wrong account
      ServiceError               http/       a service refused, failed, or could not be reached
        RegistryError            oci/        a registry did
          Unreachable                        no connection, or it broke
            CertificateUntrusted             no trusted CA signed the registry's certificate
            TimedOut                         connected, but no response in time
          NotAuthorized                      401, 403
          RepositoryMissing                  no such repository or project
          TagImmutable                       the tag exists, and this repository never moves or removes a tag
          DigestMismatch                     bytes and digest don't agree
          BlobMissing                        a manifest names a blob that the registry doesn't have
          NotAnArtifact                      the tag carries something else than one artifact
          PolicyViolation                    a rule of the registry forbids it: content trust, proxy cache, read-only
          QuotaExceeded                      storage or number of images is used up
          DeleteDisabled                     the registry doesn't delete, or can't delete this tag alone
          Throttled                          429, after all retries
        PaletteError             palette/    Palette did
          PaletteUnreachable                 no connection, or it broke
          NotPalette                         a server responds at the host, but not as Palette does
          KeyRejected                        401, no API key, or one of another tenant
          Forbidden                          403, or a request that belongs to another scope
          NotFound                           404, in Palette's own words
          CredentialsRejected                the registry rejects the credentials that Palette was given for it
          NameTaken                          another registry, or another cluster profile, has the name
          InUse                              clusters use the profile
          PaletteThrottled                   429, after all retries
      SyncFailed                 palette/    Palette doesn't list everything that was published
      PackMissing                palette/    Palette lists no such registry, pack or version
      ArtifactError              lifecycle/  charts, policies or artifacts cannot be published
      DigestError                digest      a source cannot be published, so it has no digest
      PublishError               lifecycle/  a version cannot be published as requested
      CopyError                  lifecycle/  an artifact cannot be copied as requested
      PartialFailure             lifecycle/  an operation failed midway; state records what was done
      ProfileRefused             lifecycle/  a cluster profile can't be written or deleted, or its packs withdrawn
      RemovalRefused             lifecycle/  AWS would refuse to delete a part of what is to be removed

Each message says what was being done, to what, why it failed and what to do next, and can be shown as it stands.
"""

from packinfra.text import printable_lines


class PackinfraError(Exception):
    """A failure with a message written for the user; anything else that escapes is a bug.

    Its lines are printable, whatever a name or a server's text brought into them. Foreign text goes through
    packinfra/http/redact.py before, which takes out line breaks and secrets too.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable_lines(message))
