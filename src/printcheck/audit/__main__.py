"""`python -m printcheck.audit`."""

import sys

from printcheck.audit.audit import main

sys.exit(main())
