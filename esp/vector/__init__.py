"""Many packets at once, as rows of a matrix: the only room that knows numpy."""
