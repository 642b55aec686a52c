"""Documents of headings, sentences and equations, as plain text, Markdown, LaTeX and HTML."""
