"""What we measure: entropies and information of tables, of Gaussians, of trained networks. All in nats."""
