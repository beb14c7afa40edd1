"""`python -m cohortbook.draft`."""

import sys

from cohortbook.draft.draft import main

sys.exit(main())
