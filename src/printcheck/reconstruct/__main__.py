"""`python -m printcheck.reconstruct`."""

import sys

from printcheck.reconstruct.reconstruct import main

sys.exit(main())
