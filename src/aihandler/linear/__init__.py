"""Hashed linear models in numpy: features, fit, calibrate, quantise, keep as one file."""
