"""Where the packages meet: the command line `plumb`, the demo, and the Streamlit workbench."""
