"""Poses, cameras, point clouds and canonical views; knows no simulator, model or file."""
