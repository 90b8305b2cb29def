"""Following: which of the things found on one picture are those of the picture before."""
