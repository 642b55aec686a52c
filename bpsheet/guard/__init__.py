"""The guard for every file that comes in: a file that breaks a limit is never parsed in full.

A megabyte of zip may unpack to a gigabyte of sheet, a merged area may cover sixteen thousand
million cells, and an entity may repeat itself ten times over. Each of these has a limit. The
message for a refused file names the file and the limit. A file is read once, into memory, so the
bytes that are checked are the bytes that are used, even if the file changes meanwhile.
"""
