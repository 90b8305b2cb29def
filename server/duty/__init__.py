"""The duty ladder at the centre: matters come onto it, climb by themselves, and stop where somebody takes them."""
