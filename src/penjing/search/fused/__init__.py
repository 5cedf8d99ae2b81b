"""The stages of `fit` for rows with several inputs."""
