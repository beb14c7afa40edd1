"""`python -m cohortbook.audit`."""

import sys

from cohortbook.audit.audit import main

sys.exit(main())
