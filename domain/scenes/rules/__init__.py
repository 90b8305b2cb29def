"""What is told of a scene: a file a rule, found by walking this folder."""
