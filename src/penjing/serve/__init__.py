"""The HTTP server: bundles online, with OpenAI's routes, limits at the door, and a page to try them.

settings, problems, life -> batcher, generator -> classifier, writer (services) -> routes -> app -> run
"""
