"""`python -m studyfile.draft`."""

import sys

from studyfile.draft.draft import main

sys.exit(main())
