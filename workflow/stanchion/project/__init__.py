"""A project of one's own, made from the files that come with the package.

A project's Snakefile imports `workflow_file` from here: it stays where projects look for it.
"""

from stanchion.project.create import workflow_file

__all__ = ["workflow_file"]
