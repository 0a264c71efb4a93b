"""A stack's config as typed settings; every mistake is reported at once, with key, value, reason and an example.

    >>> settings = load({"packinfra:registry": '{"kind": "ecr", "basePath": "packs"}', "aws:region": "eu-west-1"})
    >>> settings.registry.base_path, settings.packs[0].path, settings.repositories.immutable
    ('packs', 'packs/*', True)

Keys are written in camelCase in stack files and snake_case in Python. The engine accepts keys that nobody knows, so
the whole mapping is judged here.
"""

from packinfra.settings.access import AccessSettings as AccessSettings
from packinfra.settings.loading import Settings as Settings
from packinfra.settings.loading import load as load
from packinfra.settings.loading import load_packs as load_packs
from packinfra.settings.model import NAMESPACE as NAMESPACE
from packinfra.settings.model import SettingsError as SettingsError
from packinfra.settings.model import model_of as model_of
from packinfra.settings.packs import PackSettings as PackSettings
from packinfra.settings.palette import PaletteSettings as PaletteSettings
from packinfra.settings.registry import PACKS_PATH as PACKS_PATH
from packinfra.settings.registry import valid_base_path as valid_base_path
from packinfra.settings.repositories import LifecycleSettings as LifecycleSettings
from packinfra.settings.repositories import RepositorySettings as RepositorySettings
