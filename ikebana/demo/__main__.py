"""``python -m ikebana.demo``."""

import sys

from ikebana.demo.choice import main

sys.exit(main())
