"""Hand calculations: numbers as they are written, judged by their digits."""
