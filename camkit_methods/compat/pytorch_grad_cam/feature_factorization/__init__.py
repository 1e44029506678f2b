"""Concepts, under pytorch-grad-cam's names."""
