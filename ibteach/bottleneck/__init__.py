"""What is optimal: the information bottleneck solved exactly, for tables and for Gaussians."""
