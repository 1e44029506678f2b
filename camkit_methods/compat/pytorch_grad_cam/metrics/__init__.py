"""Metrics under pytorch-grad-cam's names."""
