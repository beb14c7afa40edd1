"""`python -m cohortbook.reconstruct`."""

import sys

from cohortbook.reconstruct.reconstruct import main

sys.exit(main())
