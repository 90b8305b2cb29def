"""The broken products, on purpose: each is one guarantee taken away, and a rig must see what that loses."""
