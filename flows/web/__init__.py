"""The curator's pages: FastAPI and Jinja, one file a page. `app.curator` makes the application."""
