"""The life of a PublishedPack: lifecycle/publishing/life.py, with pack folders."""

from __future__ import annotations

from packinfra.lifecycle.packs.content import Packs
from packinfra.lifecycle.publishing.life import PublishedLife
from packinfra.lifecycle.run import Config, Run


class PublishedPackLifecycle(PublishedLife):
    def __init__(self, run: Run, config: Config) -> None:
        super().__init__(run, config, Packs())
