"""The root of everything that packinfra raises on purpose.

    PackinfraError
      PackError            packs/       a pack folder, or several, cannot be published
      SettingsError        settings.py  the stack's config is wrong
      RegistryError        oci/         a registry refused, failed, or could not be reached (tree in oci/errors.py)
      CredentialsError     aws/         no usable AWS identity
      PaletteError         palette/     Palette refused, failed, or could not be reached (tree in palette/errors.py)
      SyncFailed           palette/     Palette doesn't offer what was published
      PublishError         resources/   a version cannot be published as asked

Each message says what was being done, to what, why it failed and what to do next, and can be shown as it stands.
"""


class PackinfraError(Exception):
    """A failure with a message written for the user; anything else that escapes is a bug."""
