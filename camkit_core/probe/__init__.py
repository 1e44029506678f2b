"""All that a method can ask about one recorded pass."""
