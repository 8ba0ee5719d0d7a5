"""Images from repositories: from a link to a commit, to a recipe, to an image.

`links.py` reads what a link names, `source.py` which commit that is, `checkout.py` fetches it, and
`recipe.py` says how an image is made of it. None of them runs anything that the repository holds.
"""
