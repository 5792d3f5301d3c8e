"""What is asked and what is known of it: lists, links, their memory, when they are asked again, how they rot."""
