"""Small counts in results: what each kind of result still shows where counts are hidden."""
