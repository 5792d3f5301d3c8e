"""One picture alone: what its bytes really are, its colours, its perceptual hash."""
