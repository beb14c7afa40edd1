"""Tables, figures and sentences in general: the only place that rounds and formats, in the style of a journal."""
