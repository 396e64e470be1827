"""The HTML report: `page` writes it, from `page.html`, `page.css` and `page.js` in the frame that pages share."""
