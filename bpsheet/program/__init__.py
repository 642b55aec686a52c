"""Programs: columns and what they are, their backward pass, and what readers ask of them."""
