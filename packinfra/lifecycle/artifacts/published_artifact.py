"""The life of a PublishedArtifact: lifecycle/publishing/life.py, with charts, policies and files."""

from __future__ import annotations

from packinfra.lifecycle.artifacts.content import Artifacts
from packinfra.lifecycle.publishing.life import PublishedLife
from packinfra.lifecycle.run import Config, Run


class PublishedArtifactLifecycle(PublishedLife):
    def __init__(self, run: Run, config: Config) -> None:
        super().__init__(run, config, Artifacts())
