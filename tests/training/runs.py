"""Photographs and recipes small enough to train on in a test."""

from pathlib import Path

import cv2
import numpy as np

ITERATIONS = 30

RECIPE = f"""
name = "tiny"
seed = 3
start = "interpolation"

[network]
head = "pixelshuffledirect"
scale = 2
embed_dim = 12
depths = [2]
num_heads = [2]
window = 4
drop_path = 0.3

[data]
train = "PHOTOS"
patch = 8

[optim]
iterations = {ITERATIONS}
batch_size = 2
learning_rate = 1e-3
warmup = 5
milestones = [20]
clip_norm = 1.0
ema_decay = 0.9

[log]
save_every = 7
validate_every = 10
"""


def write_photographs(folder: Path, *, count: int = 6, side: int = 64) -> Path:
    """Waves under noise, different in each file."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[:side, :side] / side
    for number in range(count):
        phase = np.array([0.0, 1.0, 2.0]) + number
        waves = np.sin(9 * rows[..., None] + phase) * np.cos(7 * columns[..., None] - phase)
        levels = 128 + 70 * waves + 10 * rng.standard_normal((side, side, 3))
        cv2.imwrite(str(folder / f"{number}.png"), levels.clip(0, 255).astype(np.uint8))
    return folder


def write_recipe(folder: Path, *, validation: bool = False) -> Path:
    """A recipe beside its photographs; 30 steps, a state every 7."""
    photographs = write_photographs(folder / "photos").as_posix()
    text = RECIPE.replace("PHOTOS", photographs)
    if validation:
        text = text.replace("patch", f'validation = "{photographs}"\npatch')
    path = folder / "tiny.toml"
    path.write_text(text, "utf-8")
    return path
