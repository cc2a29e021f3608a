"""What each page shows, as frozen values made by pure functions; `web.rendering` puts them into words of HTML."""
