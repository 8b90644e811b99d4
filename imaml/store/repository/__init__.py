"""Every query of the product: one class for each thing that is stored, for one transaction and tenant."""
