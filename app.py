"""Serve the page that restores pictures: python app.py"""

import sys

from swinir.web.server import main

if __name__ == "__main__":
    sys.exit(main())
