"""Programs that use the product from outside, over HTTP alone."""
