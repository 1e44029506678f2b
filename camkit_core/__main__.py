"""`python -m camkit_core`: the command, where the script `camkit` is not on the path."""

import sys

from .cli import main

sys.exit(main())
