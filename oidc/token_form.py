"""What a token looks like, to keep one from where it does not belong."""

import re

TOKEN_LIKE = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}")
"""How a JWT begins: the base64url of ``{"`` (https://www.rfc-editor.org/rfc/rfc7519#section-3)."""
