"""`python -m packinfra.packs` is `packinfra check`."""

from packinfra import console
from packinfra.packs.check_command import main

if __name__ == "__main__":
    console.run(main)
