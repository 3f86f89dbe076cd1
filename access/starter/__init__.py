"""The first inventory of somebody who has none: what it is to hold, checked, and the files that say it."""
