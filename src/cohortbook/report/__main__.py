"""`python -m cohortbook.report`."""

import sys

from cohortbook.report.report import main

sys.exit(main())
