"""From features to answers: heads, how they are trained and tuned, how sure they are, the model in use."""
