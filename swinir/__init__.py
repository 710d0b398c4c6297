"""SwinIR image restoration: super-resolution, denoising, JPEG-artifact removal."""

__version__ = "0.1.0"
