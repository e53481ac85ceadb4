"""`python -m npfacenet` is `npfacenet`."""

import sys

from npfacenet.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
