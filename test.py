"""Restore a folder of pictures: python test.py --task sr_x4 --folder imgs/"""

import sys

from swinir.cli.restore import main

if __name__ == "__main__":
    sys.exit(main())
