"""The HTML page of an audit: `page` writes it, from `page.html`, `page.css` and `page.js` beside it."""
