"""Train a network from a recipe: python train.py options/light_sr_x4.toml"""

import sys

from swinir.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
