"""GitHub over HTTP: comments, issues, labels and pull requests of one repository, wherever GitHub is.

Which addresses there are is told by the environment (GITHUB_API_URL, GITHUB_GRAPHQL_URL), never written here. The token
goes in one header to those addresses and nowhere else. Knows nothing of plans, markers or what a comment says.
"""

from .github import Comment, GitHub, Issue, Pull, Site

__all__ = ["Comment", "GitHub", "Issue", "Pull", "Site"]
