"""The page in the browser, and the same over HTTP; gradio is known here alone."""
