"""A stack's config as typed settings. `load` reports every problem at once: key, value, reason, example.

    >>> settings = load({"packinfra:registry": '{"kind": "ecr", "basePath": "packs"}', "aws:region": "eu-west-1"})
    >>> settings.registry.base_path, settings.packs[0].path, settings.repositories.immutable
    ('packs', 'packs/*', True)

Keys are camelCase in stack files and snake_case in Python. The engine accepts unknown keys, so the whole config is
validated here.
"""

from packinfra.settings.access import AccessSettings as AccessSettings
from packinfra.settings.artifacts import ArtifactSettings as ArtifactSettings
from packinfra.settings.artifacts import ChartSettings as ChartSettings
from packinfra.settings.artifacts import FileSettings as FileSettings
from packinfra.settings.artifacts import PolicySettings as PolicySettings
from packinfra.settings.copies import CopySettings as CopySettings
from packinfra.settings.loading import load as load
from packinfra.settings.loading import load_artifacts as load_artifacts
from packinfra.settings.loading import load_copies as load_copies
from packinfra.settings.loading import load_packs as load_packs
from packinfra.settings.loading import load_profiles as load_profiles
from packinfra.settings.model import NAMESPACE as NAMESPACE
from packinfra.settings.model import SettingsError as SettingsError
from packinfra.settings.model import models_in as models_in
from packinfra.settings.packs import PackSettings as PackSettings
from packinfra.settings.palette import PaletteSettings as PaletteSettings
from packinfra.settings.profiles import ProfilePackSettings as ProfilePackSettings
from packinfra.settings.profiles import ProfileSettings as ProfileSettings
from packinfra.settings.profiles import VariableSettings as VariableSettings
from packinfra.settings.registry import PACKS_PATH as PACKS_PATH
from packinfra.settings.registry import BasicRegistry as BasicRegistry
from packinfra.settings.registry import EcrRegistry as EcrRegistry
from packinfra.settings.registry import valid_base_path as valid_base_path
from packinfra.settings.registry import valid_host as valid_host
from packinfra.settings.repositories import LifecycleSettings as LifecycleSettings
from packinfra.settings.repositories import RepositorySettings as RepositorySettings
from packinfra.settings.stack import Settings as Settings
