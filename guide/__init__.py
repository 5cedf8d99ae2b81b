"""The documentation as a site: pages with what their commands print, the questions, and the reference."""
