"""The applications that the complete product is measured against. Nothing else uses them."""
