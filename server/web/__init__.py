"""What browsers get: templates, words, scripts and the headers that keep them safe."""
