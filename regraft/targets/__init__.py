"""What a head answers: lengths, or categories; and all that differs between the two."""
