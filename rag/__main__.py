"""`python -m rag`: the command line, which is in `ui.cli`."""

import os
import sys

from ui.cli import main

if __name__ == "__main__":
    status = main()
    if status == 130:  # a model that another thread is loading would hold up the end
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
