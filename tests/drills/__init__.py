"""What happens to servers, done to a real engine under load."""
