"""The routes, by who they are for."""
