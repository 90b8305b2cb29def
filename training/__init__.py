"""Makes weights for the plate reader; apart from the product, with requirements of its own."""
