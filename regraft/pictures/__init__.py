"""One picture alone: what its bytes really are, its pixels in RGB, its perceptual hash and near-duplicates."""
