"""A guard before every workbook that comes in: refused here, it is never parsed in full.

A megabyte of zip may hold a gigabyte of sheet, a merged area may cover sixteen thousand
million cells, an entity may stand for itself ten times over. Each of these has a limit, and
a file that passes one is refused by its name and the limit's. A file is read once, into
memory: what is checked is what is read, whatever becomes of the file meanwhile.
"""
